config {"output_modality": "text", "auto_capture": false}
# Trace 6.4: a typed turn, answered in writing.

quiet status session_configured
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["text"], "type": "realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "output_modalities": ["text"]}}
=> completed {"op": 1}
@ 100
host send_text {"text": "What is 2 + 2?", "respond": true, "interrupt": false}
=> message {"message": {"id": "$item", "parts": [{"content": "What is 2 + 2?", "type": "text"}], "role": "user",
   "state": "completed"}, "op": "added"}
-> conversation.item.create {"item": {"content": [{"text": "What is 2 + 2?", "type": "input_text"}], "id": "$item",
   "role": "user", "type": "message"}}
-> response.create {"response": {"metadata": {"client_event_id": "$request"}}}
=> mode {"agent": "thinking", "mode": "thinking", "user_speaking": false}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$item", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_text", "text": "What is 2 + 2?"}]}}
=> completed {"op": 2}
<- conversation.item.done {"previous_item_id": null, "item": {"id": "$item", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_text", "text": "What is 2 + 2?"}]}}
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": {"client_event_id": "$request"}}}
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
=> message {"after": "$item", "message": {"id": "A1", "parts": [], "role": "assistant", "state": "in_progress"},
   "op": "added"}
<- conversation.item.added {"previous_item_id": "$item", "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "part": {"type": "text", "text": ""}}
=> message {"op": "updated", "item": "A1", "changed": [0], "message": {"parts": [{"type": "text", "content": ""}]}}
<- response.output_text.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "Fo"}
=> transcript {"item": "A1", "mode": "delta", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "Fo"}
<- response.output_text.delta {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "delta": "ur."}
=> transcript {"item": "A1", "mode": "delta", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "ur."}
<- response.output_text.done {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0, "text": "Four."}
=> transcript {"item": "A1", "mode": "final", "response": "R1", "role": "assistant", "stage": "generated", "text":
   "Four."}
=> message {"after": "$item", "changed": [0], "message": {"id": "A1", "parts": [{"content": "Four.", "type":
   "text"}], "role": "assistant", "state": "in_progress"}, "op": "updated"}
<- response.content_part.done {"response_id": "R1", "item_id": "A1", "output_index": 0, "content_index": 0,
   "part": {"type": "text", "text": "Four."}}
<- response.output_item.done {"response_id": "R1", "output_index": 0, "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Four."}]}}
=> message {"after": "$item", "message": {"id": "A1", "parts": [], "role": "assistant", "state": "completed"}, "op":
   "updated"}
<- conversation.item.done {"previous_item_id": "$item", "item": {"id": "A1", "type": "message",
   "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Four."}]}}
<- response.done {"response": {"id": "R1", "status": "completed", "metadata": {"client_event_id": "$request"},
   "output": [{"id": "A1", "type": "message", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": "Four."}]}], "usage": null}}
=> generation_done {"response": "R1", "status": "completed"}
!! end
=> turn_done {"response": "R1", "status": "completed"}
=> mode {"agent": "idle", "mode": "idle", "user_speaking": false}
