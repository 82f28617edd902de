config {"auto_capture": false}
# Trace 6.13: the service ends a session that is an hour old. The run ends once, with an error that says that
# another connect works. (Going on by itself comes with recovery.)

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
@ 3600000
<- error {"error": {"type": "invalid_request_error", "code": "session_expired", "message":
   "Your session hit the maximum duration of 60 minutes.", "param": null, "event_id": null}}
!! close 1000
closed 1001 Your session hit the maximum duration of 60 minutes.
=> status {"ended":{"by":"limit","code":"session_expired","detail":"Your session hit the maximum duration of 60 minutes."},"status":"idle"}
