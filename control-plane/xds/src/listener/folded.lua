-- Looks for the routes of a request where it was not sent in the form in which
-- pieces are named: a name in small letters without a port, a segment in small
-- letters, or `*` for the segments that have no piece of their own.
local HOST, PATH = "x-tollgate-shard-host", "x-tollgate-shard-path"

function envoy_on_request(handle)
  if handle:streamInfo():routeName() ~= "" then return end
  local headers = handle:headers()
  local name = (headers:get(":authority") or ""):lower():gsub(":%d+$", "")
  local sent = (headers:get(":path") or ""):match("^/([^/?#]*)") or ""
  local segment = sent:lower()
  headers:replace(HOST, name)
  if segment ~= sent or name ~= (headers:get(":authority") or ""):match("^[^:]*") then
    headers:replace(PATH, "/" .. segment)
    handle:clearRouteCache()
    -- Whoever asks for metadata has Envoy choose the route, once a stream.
    handle:metadata():get("tollgate")
    if handle:streamInfo():routeName() ~= "" then return end
  end
  headers:replace(PATH, "/*")
  handle:clearRouteCache()
end
