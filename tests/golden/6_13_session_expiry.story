config {"auto_capture": false, "recovery": {"rollover": false}}
# Trace 6.13: the service ends a session that is an hour old. The next one is opened at once, without backoff, and
# is told the conversation (§9.6): the host sees that it comes back, and nothing is lost.

quiet session_configured
host connect
=> status {"phase":"dial","status":"connecting"}
!! dial
opened
=> status {"phase":"configure","status":"connecting"}
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":{"model":"gpt-transcribe"},"turn_detection":{"create_response":true,"interrupt_response":true,"type":"server_vad"}},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"output_modalities":["audio"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1"}}
=> status {"status":"connected"}
=> completed {"op":1}
host send_context {"text": "The caller is a gardener."}
=> message {"op":"added"}
-> conversation.item.create {"item":{"content":[{"text":"The caller is a gardener.","type":"input_text"}],"id":"$context","role":"system","type":"message"}}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$context", "type": "message",
   "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "The caller is a gardener."}]}}
=> completed {"op":2}
@ 3600000
<- error {"error": {"type": "invalid_request_error", "code": "session_expired", "message":
   "Your session hit the maximum duration of 60 minutes.", "param": null, "event_id": null}}
!! close 1000
=> status {"attempt":1,"reason":"session_expired","retry_in_ms":0,"status":"reconnecting"}
=> status {"attempt":1,"phase":"dial","reason":"session_expired","retry_in_ms":0,"status":"reconnecting"}
!! dial
opened
=> status {"attempt":1,"phase":"configure","reason":"session_expired","retry_in_ms":0,"status":"reconnecting"}
<- session.created {"session": {"type": "realtime", "id": "sess_2"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":{"model":"gpt-transcribe"},"turn_detection":{"create_response":true,"interrupt_response":true,"type":"server_vad"}},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"output_modalities":["audio"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_2"}}
-> conversation.item.create {"item":{"content":[{"text":"The caller is a gardener.","type":"input_text"}],"id":"$context","role":"system","type":"message"}}
-> conversation.item.create {"item":{"content":[{"text":"$words","type":"input_text"}],"id":"$note","role":"system","type":"message"}}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$context", "type": "message",
   "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "The caller is a gardener."}]}}
<- conversation.item.added {"previous_item_id": "$context", "item": {"id": "$note", "type": "message",
   "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "$words"}]}}
=> status {"status":"connected"}
=> session_replaced {"why":"rollover","context":"full","gap_ms":0}
