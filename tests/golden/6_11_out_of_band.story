config {"instructions": "Be brief.", "auto_capture": false}
# Trace 6.11: a response outside the conversation, beside one inside: neither history nor speaker has it, and
# the conversation's response is not in its way.

quiet status session_configured mode
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":{"model":"gpt-transcribe"},"turn_detection":{"create_response":true,"interrupt_response":true,"type":"server_vad"}},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"instructions":"Be brief.","output_modalities":["audio"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1"}}
=> completed {"op":1}
@ 100
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": null}}
host request_response {"options": {"out_of_band": true, "instructions": "One word: is the user happy?",
   "replace_instructions": true, "metadata": {"purpose": "classify"}, "input": [{"item": "U1"}, {"role": "user", "text": "Well?"}]}}
-> response.create {"response":{"conversation":"none","input":[{"id":"U1","type":"item_reference"},{"content":[{"text":"Well?","type":"input_text"}],"role":"user","type":"message"}],"instructions":"One word: is the user happy?","metadata":{"client_event_id":"$request_2","purpose":"classify"},"output_modalities":["text"],"tool_choice":"none"}}
<- response.created {"response": {"id": "R7", "status": "in_progress", "conversation_id": null, "output": [],
   "metadata": {"client_event_id": "$request_2", "purpose": "classify"}}}
=> completed {"op":2,"response":"R7"}
<- response.output_item.added {"response_id": "R7", "output_index": 0, "item": {"id": "X1", "type": "message",
   "role": "assistant", "status": "in_progress", "content": []}}
<- response.content_part.added {"response_id": "R7", "item_id": "X1", "output_index": 0, "content_index": 0, "part": {"type": "text", "text": ""}}
<- response.output_text.delta {"response_id": "R7", "item_id": "X1", "output_index": 0, "content_index": 0, "delta": "Ha"}
=> transcript {"estimated":false,"item":"X1","mode":"delta","response":"R7","role":"assistant","stage":"generated","text":"Ha"}
<- response.output_text.done {"response_id": "R7", "item_id": "X1", "output_index": 0, "content_index": 0, "text": "Happy."}
=> transcript {"estimated":false,"item":"X1","mode":"final","response":"R7","role":"assistant","stage":"generated","text":"Happy."}
<- response.output_item.done {"response_id": "R7", "output_index": 0, "item": {"id": "X1", "type": "message",
   "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Happy."}]}}
# A service that speaks all the same is not heard.
<- response.output_audio.delta {"response_id": "R7", "item_id": "X1", "output_index": 0, "content_index": 1, "delta": "pcm 200"}
<- response.done {"response": {"id": "R7", "status": "completed", "conversation_id": null, "metadata":
   {"client_event_id": "$request_2", "purpose": "classify"}, "output": [{"id": "X1", "type": "message",
   "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Happy."}]}], "usage": null}}
=> generation_done {"response":"R7","status":"completed"}
=> turn_done {"response":"R7","status":"completed"}
# R1 is still the conversation's.
<- response.done {"response": {"id": "R1", "status": "completed", "output": [], "metadata": null, "usage": null}}
=> generation_done {"response":"R1","status":"completed"}
!! end
=> turn_done {"response":"R1","status":"completed"}
