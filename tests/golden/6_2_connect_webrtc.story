config {}
# Trace 6.2: the same events as over a WebSocket, and the microphone beside them, once the session is as it was asked for.

host connect
=> status {"status": "connecting", "phase": "dial"}
!! dial
carries 65536
opened
=> status {"status": "connecting", "phase": "configure"}
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["audio"], "type": "realtime"}}
# What is said before the session is ready is not captured.
mic 40
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "audio": {"input": {
   "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "create_response": true, "interrupt_response": true}}}}}
=> session_configured {}
=> status {"status": "connected"}
=> completed {"op": 1}
!! capture on
=> mode {"agent": "idle", "mode": "listening", "user_speaking": false}
mic 40
!! media 20
!! media 20
host disconnect
!! close 1000
=> mode {"agent": "idle", "mode": "idle", "user_speaking": false}
closed 1000 bye
!! capture off
=> status {"status": "idle"}
=> completed {"op": 2}
