config {"auto_capture": false, "tools": [{"name": "weather", "description": "Weather of a city",
   "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]}
# Trace 6.6: the model calls a function. It is told once although the wire shows it four times, and
# the one follow-up waits for the end of the response that called.

quiet status session_configured
host connect
!! dial
opened
<- session.created {"session": {"type": "realtime", "id": "sess_1"}}
-> session.update {"session": {"audio": {"input": {"format": {"rate": 24000, "type": "audio/pcm"}, "transcription":
   {"model": "gpt-transcribe"}, "turn_detection": {"create_response": true, "interrupt_response": true, "type":
   "server_vad"}}, "output": {"format": {"rate": 24000, "type": "audio/pcm"}, "voice": "marin"}},
   "output_modalities": ["audio"], "tool_choice": "auto", "tools": [{"description": "Weather of a city", "name":
   "weather", "parameters": {"properties": {"city": {"type": "string"}}, "type": "object"}, "type": "function"}],
   "type": "realtime"}}
<- session.updated {"session": {"type": "realtime", "id": "sess_1"}}
=> completed {"op": 1}
@ 100
<- response.created {"response": {"id": "R1", "status": "in_progress", "output": [], "metadata": null}}
=> mode {"agent": "thinking", "mode": "thinking", "user_speaking": false}
<- response.output_item.added {"response_id": "R1", "output_index": 0, "item": {"id": "F1", "type": "function_call",
   "status": "in_progress", "call_id": "call_1", "name": "weather", "arguments": ""}}
=> message {"message": {"id": "F1", "parts": [{"arguments": "", "id": "call_1", "name": "weather", "state":
   "pending", "type": "tool_call"}], "role": "assistant", "state": "in_progress"}, "op": "added"}
<- conversation.item.added {"previous_item_id": null, "item": {"id": "F1", "type": "function_call",
   "status": "in_progress", "call_id": "call_1", "name": "weather", "arguments": ""}}
<- response.function_call_arguments.delta {"response_id": "R1", "item_id": "F1", "output_index": 0, "call_id": "call_1", "delta": "{\"city\":"}
<- response.function_call_arguments.delta {"response_id": "R1", "item_id": "F1", "output_index": 0, "call_id": "call_1", "delta": "\"Oslo\"}"}
<- response.function_call_arguments.done {"response_id": "R1", "item_id": "F1", "output_index": 0, "call_id": "call_1",
   "name": "weather", "arguments": "{\"city\":\"Oslo\"}"}
<- response.output_item.done {"response_id": "R1", "output_index": 0, "item": {"id": "F1", "type": "function_call",
   "status": "completed", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}
=> message {"message": {"id": "F1", "parts": [], "role": "assistant", "state": "completed"}, "op": "updated"}
=> message {"changed": [0], "message": {"id": "F1", "parts": [{"arguments": "{\"city\":\"Oslo\"}", "id": "call_1",
   "input": {"city": "Oslo"}, "name": "weather", "state": "running", "type": "tool_call"}], "role": "assistant",
   "state": "completed"}, "op": "updated"}
=> tool_call {"arguments": "{\"city\":\"Oslo\"}", "call": {"epoch": 1, "id": "call_1"}, "item": "F1", "name":
   "weather", "response": "R1"}
<- conversation.item.done {"previous_item_id": null, "item": {"id": "F1", "type": "function_call",
   "status": "completed", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"}}
# The host is quick: its answer goes out at once, the request for a response waits.
host submit_tool_result {"call": {"epoch": 1, "id": "call_1"}, "output": "{\"degrees\":-3}", "is_error": false}
=> message {"changed": [0, 1], "message": {"id": "F1", "parts": [{"arguments": "{\"city\":\"Oslo\"}", "id":
   "call_1", "input": {"city": "Oslo"}, "name": "weather", "output": "{\"degrees\":-3}", "state": "completed",
   "type": "tool_call"}, {"content": "{\"degrees\":-3}", "is_error": false, "tool_call_id": "call_1", "type":
   "tool_result"}], "role": "assistant", "state": "completed"}, "op": "updated"}
-> conversation.item.create {"item": {"call_id": "call_1", "id": "$result", "output": "{\"degrees\":-3}", "type":
   "function_call_output"}}
<- conversation.item.added {"previous_item_id": "F1", "item": {"id": "$result", "type": "function_call_output",
   "call_id": "call_1", "output": "{\"degrees\":-3}"}}
=> completed {"op": 2}
<- conversation.item.done {"previous_item_id": "F1", "item": {"id": "$result", "type": "function_call_output",
   "call_id": "call_1", "output": "{\"degrees\":-3}"}}
<- response.done {"response": {"id": "R1", "status": "completed", "metadata": null, "usage": null,
   "output": [{"id": "F1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "weather",
     "arguments": "{\"city\":\"Oslo\"}"}]}}
=> generation_done {"response": "R1", "status": "completed"}
!! end
=> turn_done {"response": "R1", "status": "completed"}
-> response.create {"response": {"metadata": {"client_event_id": "$request"}}}
<- response.created {"response": {"id": "R2", "status": "in_progress", "output": [], "metadata": {"client_event_id": "$request"}}}
<- response.done {"response": {"id": "R2", "status": "completed", "metadata": {"client_event_id": "$request"}, "usage": null, "output": []}}
=> generation_done {"response": "R2", "status": "completed"}
!! end
=> turn_done {"response": "R2", "status": "completed"}
=> mode {"agent": "idle", "mode": "idle", "user_speaking": false}
# A second answer to the same call is refused here, not by the vendor.
host submit_tool_result {"call": {"epoch": 1, "id": "call_1"}, "output": "late", "is_error": false}
=> completed {"error": {"class": "argument", "code": "not_found", "fatal": false, "field": "call", "fix": "answer
   each tool_call event once, with its call", "message": "the call was already answered", "retryable": false}, "op":
   3}
