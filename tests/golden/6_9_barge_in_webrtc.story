config {"auto_capture": false}
# Trace 6.9: the user speaks while the sound of an answer is coming beside the events. The speaker is flushed at once; the
# vendor stops sending, knows what it sent, and cuts its item itself: nothing is sent to it.

quiet status completed session_configured message
host connect
!! dial
carries 65536
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["audio"], "type": "realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "audio": {"input": {
   "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "create_response": true, "interrupt_response": true}}}}}
@ 1000
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": null}}
=> mode {"agent": "thinking", "mode": "thinking", "user_speaking": false}
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "A1", "type": "message", "role": "assistant",
   "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "part": {"type": "audio"}}
<- output_audio_buffer.started {"response_id": "R1"}
<- response.output_audio_transcript.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "delta": "Once upon a time there was a fox who lived in a wood."}
=> transcript {"item": "A1", "mode": "delta", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "Once upon a time there was a fox who lived in a wood."}
sound 40
!! play A1 0 20
!! play A1 0 20
speaker 40
=> playback_started {"item": "A1", "part": 0, "response": "R1"}
=> mode {"agent": "speaking", "mode": "speaking", "user_speaking": false}
sound 20
!! play A1 0 20
<- input_audio_buffer.speech_started {"audio_start_ms": 2000, "item_id": "U2"}
=> speech_started {"audio_ms": 2000, "item": "U2", "source": "server", "who": "user"}
!! flush
=> mode {"agent": "speaking", "mode": "speaking", "user_speaking": true}
# What was on its way is dropped.
sound 60
flushed
=> playback_finished {"complete": false, "estimated": false, "heard_ms": 40, "item": "A1", "part": 0, "response": "R1"}
=> interrupted {"estimated": false, "heard_ms": 40, "item": "A1", "response": "R1", "server_truncated": true, "source": "user"}
=> transcript {"estimated": true, "item": "A1", "mode": "final", "response": "R1", "role": "assistant", "stage":
   "heard", "text": ""}
=> mode {"agent": "thinking", "mode": "thinking", "user_speaking": true}
<- output_audio_buffer.cleared {"response_id": "R1"}
=> mode {"agent": "idle", "mode": "idle", "user_speaking": true}
<- response.done {"response": {"id": "R1", "status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"},
   "output": [], "metadata": null, "usage": null}}
=> generation_done {"reason": "turn_detected", "response": "R1", "status": "cancelled"}
=> turn_done {"reason": "turn_detected", "response": "R1", "status": "cancelled"}
<- conversation.item.truncated {"item_id": "A1", "content_index": 0, "audio_end_ms": 60}
