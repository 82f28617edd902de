config {"turn_detection": {"idle_timeout_ms": 6000}, "auto_capture": false}
# Trace 6.10: nobody says anything, and the service speaks up. Its silent item is no message.

quiet status session_configured
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":{"model":"gpt-transcribe"},"turn_detection":{"create_response":true,"idle_timeout_ms":6000,"interrupt_response":true,"type":"server_vad"}},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"output_modalities":["audio"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "audio": {"input": {"turn_detection":
   {"type": "server_vad", "idle_timeout_ms": 6000, "create_response": true, "interrupt_response": true}}}}}
=> completed {"op":1}
@ 6500
<- input_audio_buffer.timeout_triggered {"audio_start_ms": 0, "audio_end_ms": 6000, "item_id": "U9"}
=> mode {"agent":"thinking","mode":"thinking","user_speaking":false}
<- input_audio_buffer.committed {"item_id": "U9", "previous_item_id": null}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "U9", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_audio", "transcript": null}]}}
<- conversation.item.done {"previous_item_id": null, "item": {"id": "U9", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_audio", "transcript": null}]}}
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": null}}
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "A9", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
=> message {"item":"A9","message":{"id":"A9","parts":[],"role":"assistant","state":"in_progress"},"op":"added"}
<- conversation.item.added {"previous_item_id": "U9", "item": {"id": "A9", "type": "message", "role": "assistant",
   "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R1", "item_id": "A9", "output_index": 0, "content_index": 0, "part": {"type": "audio"}}
=> message {"changed":[0],"item":"A9","message":{"id":"A9","parts":[{"duration_ms":0,"heard_ms":0,"transcript":"","type":"audio"}],"role":"assistant","state":"in_progress"},"op":"updated"}
<- response.output_audio_transcript.delta {"response_id": "R1", "item_id": "A9", "output_index": 0, "content_index": 0, "delta": "Are you there?"}
=> transcript {"estimated":false,"item":"A9","mode":"delta","response":"R1","role":"assistant","stage":"generated","text":"Are you there?"}
<- conversation.item.input_audio_transcription.completed {"item_id": "U9", "content_index": 0, "transcript": ""}
# A second time, and words turn up in it after all: then it was somebody.
<- input_audio_buffer.timeout_triggered {"audio_start_ms": 9000, "audio_end_ms": 15000, "item_id": "U10"}
<- input_audio_buffer.committed {"item_id": "U10", "previous_item_id": "A9"}
<- conversation.item.input_audio_transcription.completed {"item_id": "U10", "content_index": 0, "transcript": "Yes."}
=> message {"after":"A9","item":"U10","message":{"id":"U10","parts":[{"duration_ms":0,"heard_ms":0,"transcript":"","type":"audio"}],"role":"user","state":"in_progress"},"op":"added"}
=> transcript {"estimated":false,"item":"U10","mode":"final","role":"user","stage":"recognized","text":"Yes."}
=> message {"after":"A9","changed":[0],"item":"U10","message":{"id":"U10","parts":[{"duration_ms":0,"heard_ms":0,"transcript":"Yes.","type":"audio"}],"role":"user","state":"completed"},"op":"updated"}
