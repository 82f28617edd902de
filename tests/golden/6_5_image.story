config {"output_modality": "text", "auto_capture": false}
# Trace 6.5: a picture with words, answered; and one that waits for the next turn.

quiet status session_configured mode
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session":{"audio":{"input":{"format":{"rate":24000,"type":"audio/pcm"},"transcription":{"model":"gpt-transcribe"},"turn_detection":{"create_response":true,"interrupt_response":true,"type":"server_vad"}},"output":{"format":{"rate":24000,"type":"audio/pcm"},"voice":"marin"}},"output_modalities":["text"],"type":"realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1", "output_modalities": ["text"]}}
=> completed {"op":1}
@ 100
host send_image {"image": {"data": "iVBORw0KGgo="}, "text": "What is this?", "respond": true, "interrupt": false}
=> message {"item":"$item_2","message":{"id":"$item_2","parts":[{"content":"What is this?","type":"text"},{"data":"iVBORw0KGgo=","mime_type":"image/png","type":"image"}],"role":"user","state":"completed"},"op":"added"}
-> conversation.item.create {"item":{"content":[{"text":"What is this?","type":"input_text"},{"image_url":"data:image/png;base64,iVBORw0KGgo=","type":"input_image"}],"id":"$item_2","role":"user","type":"message"}}
-> response.create {"response":{"metadata":{"client_event_id":"$request_4"}}}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$item_2", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image"}]}}
=> completed {"op":2}
<- conversation.item.done {"previous_item_id": null, "item": {"id": "$item_2", "type": "message", "role": "user",
   "status": "completed", "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image"}]}}
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": {"client_event_id": "$request_4"}}}
<- response.done {"response": {"id": "R1", "status": "completed", "metadata": {"client_event_id": "$request_4"}, "output": [], "usage": null}}
=> generation_done {"response":"R1","status":"completed"}
!! end
=> turn_done {"response":"R1","status":"completed"}
# Without a request the next turn uses it; a data URL is a picture like any other.
host send_image {"image": {"url": "data:image/jpeg;base64,/9j/4AAQSkZJRg==", "detail": "low"}, "respond": false, "interrupt": false}
=> message {"after":"$item_2","item":"$item_6","message":{"id":"$item_6","parts":[{"data":"/9j/4AAQSkZJRg==","mime_type":"image/jpeg","type":"image"}],"role":"user","state":"completed"},"op":"added"}
-> conversation.item.create {"item":{"content":[{"detail":"low","image_url":"data:image/jpeg;base64,/9j/4AAQSkZJRg==","type":"input_image"}],"id":"$item_6","role":"user","type":"message"}}
# What the service does not take is refused here, and nothing is sent.
host send_image {"image": {"url": "https://example.com/cat.png"}, "respond": true, "interrupt": true}
=> completed {"error":{"class":"unsupported","code":"image_url","fatal":false,"field":"image","fix":"fetch it and give its bytes","message":"the service fetches no pictures","retryable":false},"op":4}
host send_image {"image": {"data": "R0lGODlhAQABAAAAACw="}, "respond": true, "interrupt": true}
=> completed {"error":{"class":"unsupported","code":"image_type","fatal":false,"field":"image","fix":"convert it to PNG or JPEG","message":"the service takes no image/gif","retryable":false},"op":5}
