config {"instructions": "Be brief.", "voice": "cedar", "turn_detection": {"silence_duration_ms": 300}}
# Trace 6.1: connect over WebSocket. The microphone is held until the vendor confirmed the
# configuration, and the effective session counts, not the wish.

host connect
=> status {"phase": "dial", "status": "connecting"}
!! dial
mic 40
opened
=> status {"phase": "configure", "status": "connecting"}
mic 40
<- session.created {"session": {"type": "realtime", "object": "realtime.session", "id": "sess_1",
   "model": "gpt-realtime-2.1", "expires_at": 1790000000, "output_modalities": ["audio"],
   "instructions": "Your knowledge cutoff is 2023-10.",
   "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": null, "noise_reduction": null,
     "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200,
       "idle_timeout_ms": null, "create_response": true, "interrupt_response": true}},
    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0}},
   "tools": [], "tool_choice": "auto", "max_output_tokens": "inf", "truncation": "auto", "prompt": null, "tracing": null,
   "include": null}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true,
   "silence_duration_ms": 300, "type": "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"},
   "voice": "cedar"}}, "instructions": "Be brief.", "output_modalities": ["audio"], "type": "realtime"}}
<- conversation.created {"conversation": {"id": "conv_1", "object": "realtime.conversation"}}
mic 40
<- session.updated {"session": {"type": "realtime", "object": "realtime.session", "id": "sess_1",
   "model": "gpt-realtime-2.1", "expires_at": 1790000000, "output_modalities": ["audio"], "instructions": "Be brief.",
   "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": {"model": "gpt-transcribe"},
     "noise_reduction": null,
     "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
       "idle_timeout_ms": null, "create_response": true, "interrupt_response": true}},
    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "cedar", "speed": 1}},
   "tools": [], "tool_choice": "auto", "max_output_tokens": "inf", "truncation": "auto"}}
=> session_configured {"differences": [{"effective": 500, "path": "audio.input.turn_detection.silence_duration_ms",
   "wished": 300}], "effective": "*"}
=> status {"status": "connected"}
=> completed {"op": 1}
!! capture on
=> mode {"agent": "idle", "mode": "listening", "user_speaking": false}
# Now the microphone is heard.
mic 20
-> input_audio_buffer.append {"audio": "pcm 20"}
