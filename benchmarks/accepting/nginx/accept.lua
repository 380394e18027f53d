-- What C does of accepting an event: a key, a look at the body, one append, 202. It promises nothing.
local KEY = "Bearer key-of-the-benchmark"
local ANSWER = '{"status":"queued","queued":true}'

local function append(body)
  local redis = ngx.socket.tcp()
  redis:settimeout(2000)
  if not redis:connect("127.0.0.1", tonumber(ngx.var.redis_port)) then return false end
  local head = "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\nd\r\n$"
  redis:send({ head, #body, "\r\n", body, "\r\n" })
  local line = redis:receive()
  if not line or string.sub(line, 1, 1) ~= "$" then return false end
  redis:receive(tonumber(string.sub(line, 2)) + 2)
  redis:setkeepalive(60000, 100)
  return true
end

if ngx.req.get_headers()["authorization"] ~= KEY then return ngx.exit(401) end
ngx.req.read_body()
local body = ngx.req.get_body_data()
if not body or not string.find(body, '"path"', 1, true) then return ngx.exit(400) end
if not append(body) then return ngx.exit(503) end
ngx.status = 202
ngx.header.content_type = "application/json"
ngx.print(ANSWER)
