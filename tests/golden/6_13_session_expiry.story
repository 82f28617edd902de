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
-> x
<- session.updated {"session": {"type": "realtime", "id": "sess_1"}}
=> status {"status":"connected"}
=> completed {"op":1}
host send_context {"text": "The caller is a gardener."}
=> message {"op": "added"}
-> conversation.item.create {"item": {"id": "$context", "...": 0}}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$context", "type": "message", "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "The caller is a gardener."}]}}
-> x
@ 3600000
<- error {"error": {"type": "invalid_request_error", "code": "session_expired", "message":
   "Your session hit the maximum duration of 60 minutes.", "param": null, "event_id": null}}
-> x
opened
<- session.created {"session": {"type": "realtime", "id": "sess_2"}}
-> x
<- session.updated {"session": {"type": "realtime", "id": "sess_2"}}
-> x
<- conversation.item.added {"previous_item_id": null, "item": {"id": "$context", "type": "message", "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "The caller is a gardener."}]}}
<- conversation.item.added {"previous_item_id": "$context", "item": {"id": "$note", "type": "message", "role": "system", "status": "completed", "content": [{"type": "input_text", "text": "..."}]}}
-> x
