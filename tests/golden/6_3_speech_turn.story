config {}
# Trace 6.3: the user speaks, server VAD ends the turn, the assistant answers with speech that comes
# much faster than it plays. The user's words come when the answer has long begun.

quiet status completed session_configured
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["audio"], "type": "realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "audio": {"input": {
   "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "create_response": true, "interrupt_response": true}}}}}
!! capture on
=> mode {"agent": "idle", "mode": "listening", "user_speaking": false}
mic 400
-> input_audio_buffer.append {"audio": "pcm 400"}
<- input_audio_buffer.speech_started {"audio_start_ms": 100, "item_id": "U1"}
=> speech_started {"audio_ms": 100, "item": "U1", "source": "server", "who": "user"}
=> message {"message": {"id": "U1", "parts": [{"duration_ms": 0, "heard_ms": 0, "transcript": "", "type": "audio"}],
   "role": "user", "state": "in_progress"}, "op": "added"}
=> mode {"agent": "idle", "mode": "listening", "user_speaking": true}
mic 1500
-> input_audio_buffer.append {"audio": "pcm 1500"}
<- input_audio_buffer.speech_stopped {"audio_end_ms": 1800, "item_id": "U1"}
=> speech_stopped {"audio_ms": 1800, "item": "U1", "source": "server", "who": "user"}
=> message {"changed": [0], "message": {"id": "U1", "parts": [{"duration_ms": 1200, "heard_ms": 0, "transcript": "",
   "type": "audio"}], "role": "user", "state": "in_progress"}, "op": "updated"}
=> mode {"agent": "thinking", "mode": "thinking", "user_speaking": false}
<- input_audio_buffer.committed {"item_id": "U1", "previous_item_id": null}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "U1", "type": "message", "object": "realtime.item",
   "role": "user", "status": "completed", "content": [{"type": "input_audio", "transcript": null}]}}
<- conversation.item.done {"previous_item_id": null, "item": {"id": "U1", "type": "message", "object": "realtime.item",
   "role": "user", "status": "completed", "content": [{"type": "input_audio", "transcript": null}]}}
<- response.created {"response": {"id": "R1", "object": "realtime.response", "status": "in_progress",
   "conversation_id": "conv_1", "output": [], "metadata": null}}
<- rate_limits.updated {"rate_limits": [{"name": "tokens", "limit": 40000, "remaining": 39000, "reset_seconds": 1.5}]}
@ 2100
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "object": "realtime.item", "role": "assistant", "status": "in_progress", "content": []}}
=> message {"after": "U1", "message": {"id": "A1", "parts": [], "role": "assistant", "state": "in_progress"}, "op":
   "added"}
<- conversation.item.added {"previous_item_id": "U1", "item": {"id": "A1", "type": "message",
   "object": "realtime.item", "role": "assistant", "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "part": {"type": "audio", "transcript": ""}}
=> message {"op": "updated", "item": "A1", "changed": [0], "message": {"parts": [{"type": "audio", "transcript": ""}]}}
<- response.output_audio_transcript.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "delta": "It is noon."}
=> transcript {"item": "A1", "mode": "delta", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "It is noon."}
<- response.output_audio.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "pcm 250"}
!! play A1 0 250
# The first 60 ms are buffered, then the speaker starts.
speaker 60
=> playback_started {"item": "A1", "part": 0, "response": "R1"}
=> latency {"buffer_ms": 60, "endpointing_ms": 600, "item": "A1", "response": "R1", "service_ms": 200, "total_ms":
   860}
=> mode {"agent": "speaking", "mode": "speaking", "user_speaking": false}
<- response.output_audio.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "pcm 750"}
!! play A1 0 750
# The user's transcript, late.
<- conversation.item.input_audio_transcription.delta {"item_id": "U1", "content_index": 0, "delta": "What time"}
=> transcript {"item": "U1", "mode": "delta", "role": "user", "stage": "recognized", "text": "What time"}
<- conversation.item.input_audio_transcription.completed {"item_id": "U1", "content_index": 0,
   "transcript": "What time is it?", "usage": {"type": "duration", "seconds": 2}}
=> transcript {"item": "U1", "mode": "final", "role": "user", "stage": "recognized", "text": "What time is it?"}
=> message {"changed": [0], "message": {"id": "U1", "parts": [{"duration_ms": 1200, "heard_ms": 0, "transcript":
   "What time is it?", "type": "audio"}], "role": "user", "state": "completed"}, "op": "updated"}
<- response.output_audio.done {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0}
=> message {"op": "updated", "item": "A1", "changed": [0], "message": {"parts": [{"type": "audio", "transcript": "It is noon.",
   "duration_ms": 1000}]}}
!! end
<- response.output_audio_transcript.done {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "transcript": "It is noon."}
=> transcript {"item": "A1", "mode": "final", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "It is noon."}
=> message {"after": "U1", "changed": [0], "message": {"id": "A1", "parts": [{"duration_ms": 1000, "heard_ms": 0,
   "transcript": "It is noon.", "type": "audio"}], "role": "assistant", "state": "in_progress"}, "op": "updated"}
<- response.content_part.done {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "part": {"type": "audio", "transcript": "It is noon."}}
<- response.output_item.done {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "object": "realtime.item", "role": "assistant", "status": "completed",
   "content": [{"type": "output_audio", "transcript": "It is noon."}]}}
=> message {"after": "U1", "message": {"id": "A1", "parts": [], "role": "assistant", "state": "completed"}, "op":
   "updated"}
<- conversation.item.done {"previous_item_id": "U1", "item": {"id": "A1", "type": "message",
   "object": "realtime.item", "role": "assistant", "status": "completed",
   "content": [{"type": "output_audio", "transcript": "It is noon."}]}}
<- response.done {"response": {"id": "R1", "object": "realtime.response", "status": "completed", "status_details": null,
   "conversation_id": "conv_1", "metadata": null,
   "output": [{"id": "A1", "type": "message", "object": "realtime.item", "role": "assistant", "status": "completed",
     "content": [{"type": "output_audio", "transcript": "It is noon."}]}],
   "usage": {"total_tokens": 150, "input_tokens": 100, "output_tokens": 50,
     "input_token_details": {"text_tokens": 60, "audio_tokens": 40, "cached_tokens": 32, "cached_tokens_details": {"text_tokens": 32}},
     "output_token_details": {"text_tokens": 10, "audio_tokens": 40}}}}
=> generation_done {"response": "R1", "status": "completed"}
=> usage {"cumulative": false, "input": {"audio": 40, "cached": 32, "image": 0, "text": 60, "total": 100}, "output":
   {"audio": 40, "cached": 0, "image": 0, "text": 10, "total": 50}, "response": "R1", "scope": "response"}
!! end
# Generation is over, the answer is heard for most of a second more.
speaker 900
speaker 40
=> message {"after": "U1", "changed": [0], "message": {"id": "A1", "parts": [{"duration_ms": 1000, "heard_ms": 1000,
   "heard_transcript": "It is noon.", "transcript": "It is noon.", "type": "audio"}], "role": "assistant", "state":
   "completed"}, "op": "updated"}
=> playback_finished {"complete": true, "estimated": false, "heard_ms": 1000, "item": "A1", "part": 0, "response": "R1"}
=> turn_done {"response": "R1", "status": "completed"}
=> mode {"agent": "idle", "mode": "listening", "user_speaking": false}
