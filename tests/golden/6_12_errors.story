config {"auto_capture": false}
# Trace 6.12: errors that mean nothing is wrong. The host sees neither.

quiet status session_configured mode message
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["audio"], "type": "realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1"}}
=> completed {"op": 1}
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": null}}
host interrupt
-> response.cancel {"event_id": "$cancel", "response_id": "R1"}
=> completed {"op": 2}
<- response.done {"response": {"id": "R1", "status": "completed", "output": [], "usage": null}}
=> generation_done {"response": "R1", "status": "completed"}
=> turn_done {"response": "R1", "status": "completed"}
<- error {"error": {"type": "invalid_request_error", "code": "response_cancel_not_active",
   "message": "Cancellation failed: no active response found", "param": null, "event_id": "$cancel"}}
# The vendor began a response of its own when we asked for one. Its refusal names nobody.
host request_response {"instructions": null}
-> response.create {"response": {"metadata": {"client_event_id": "$request"}}}
<- response.created {"response": {"id": "R2", "status": "in_progress", "output": [], "metadata": null}}
<- error {"error": {"type": "invalid_request_error", "code": "conversation_already_has_active_response",
   "message": "Conversation already has an active response in progress: R2", "param": null, "event_id": null}}
@ 5000
<- response.done {"response": {"id": "R2", "status": "completed", "output": [], "usage": null}}
=> generation_done {"response": "R2", "status": "completed"}
!! end
=> turn_done {"response": "R2", "status": "completed"}
-> response.create {"response": {"metadata": {"client_event_id": "$request"}}}
# Now the way is free.
<- response.created {"response": {"id": "R3", "status": "in_progress", "output": [], "metadata": {"client_event_id": "$request"}}}
=> completed {"op": 3}
<- response.done {"response": {"id": "R3", "status": "completed", "output": [], "usage": null}}
=> generation_done {"response": "R3", "status": "completed"}
!! end
=> turn_done {"response": "R3", "status": "completed"}
# Another refusal, and this time no response is known: it is asked again after two seconds.
host request_response {"options": {"instructions": "Say bye."}}
-> response.create {"event_id": "$create", "response": {"instructions": "Say bye.", "metadata": {"client_event_id": "$request2"}}}
<- error {"error": {"type": "invalid_request_error", "code": "conversation_already_has_active_response",
   "message": "Conversation already has an active response in progress: R9", "param": null, "event_id": "$create"}}
@ 6900
@ 7001
-> response.create {"response": {"instructions": "Say bye.", "metadata": {"client_event_id": "$request2"}}}
