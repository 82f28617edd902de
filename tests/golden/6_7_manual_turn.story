config {"turn_detection": {"mode": "manual"}, "transcription": null}
# Trace 6.7: push to talk. Nothing leaves between two turns; the moment before the button is sent with the
# turn; a tap is thrown away; the button cuts the assistant off.

quiet status session_configured message
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":null,"turn_detection":null},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"output_modalities":["audio"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "audio": {"input": {"turn_detection": null}}}}
=> completed {"op":1}
!! capture on
# Heard by nobody: only the last 300 ms of it are kept.
mic 1000
host start_listening
-> input_audio_buffer.clear {}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
-> input_audio_buffer.append {"audio":"pcm 20"}
=> completed {"op":2}
=> mode {"agent":"idle","mode":"listening","user_speaking":false}
mic 400
-> input_audio_buffer.append {"audio":"pcm 400"}
host stop_listening
-> input_audio_buffer.commit {}
-> response.create {"response":{"metadata":{"client_event_id":"$request_4"}}}
=> mode {"agent":"thinking","mode":"thinking","user_speaking":false}
<- input_audio_buffer.cleared {}
<- input_audio_buffer.committed {"item_id": "U1", "previous_item_id": null}
=> completed {"op":3}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "U1", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_audio", "transcript": null}]}}
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": {"client_event_id": "$request_4"}}}
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
<- conversation.item.added {"previous_item_id": "U1", "item": {"id": "A1", "type": "message", "role": "assistant",
   "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "part": {"type": "audio"}}
<- response.output_audio.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "pcm 2000"}
!! play A1 0 2000
speaker 500
=> playback_started {"item":"A1","response":"R1"}
=> latency {"buffer_ms":500,"endpointing_ms":0,"item":"A1","response":"R1","service_ms":0,"total_ms":500}
=> mode {"agent":"speaking","mode":"speaking","user_speaking":false}
# The button goes down while the assistant speaks.
host start_listening
-> input_audio_buffer.clear {}
-> response.cancel {"response_id":"R1"}
!! flush
=> completed {"op":4}
flushed
=> playback_finished {"complete":false,"estimated":false,"heard_ms":500,"item":"A1","response":"R1"}
=> interrupted {"estimated":false,"heard_ms":500,"item":"A1","response":"R1","server_truncated":false,"source":"user"}
-> conversation.item.truncate {"audio_end_ms":500,"content_index":0,"item_id":"A1"}
=> transcript {"estimated":true,"item":"A1","mode":"final","response":"R1","role":"assistant","stage":"heard","text":""}
=> mode {"agent":"idle","mode":"listening","user_speaking":false}
mic 60
-> input_audio_buffer.append {"audio":"pcm 60"}
# Released too soon: below the service's 100 ms nothing is committed.
host stop_listening
-> input_audio_buffer.clear {}
=> completed {"error":{"class":"limit","code":"turn_too_short","fatal":false,"fix":"hold the button while speaking","message":"60 ms are no turn: at least 100 ms are needed; what was said is thrown away","retryable":false},"op":5}
=> mode {"agent":"idle","mode":"idle","user_speaking":false}
<- response.done {"response": {"id": "R1", "status": "cancelled", "status_details": {"type": "cancelled", "reason": "client_cancelled"},
   "output": [], "metadata": {"client_event_id": "$request_4"}, "usage": null}}
=> generation_done {"reason":"client_cancelled","response":"R1","status":"cancelled"}
=> turn_done {"reason":"client_cancelled","response":"R1","status":"cancelled"}
mic 100
host stop_listening
=> completed {"error":{"class":"state","code":"not_listening","fatal":false,"fix":"call start_listening first","message":"no turn has begun","retryable":false},"op":6}
