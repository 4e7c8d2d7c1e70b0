-- Looks for the routes of a request whose host is served by a pattern: the
-- longest of PATTERNS that takes it, which stand above this.
local HOST, PATH = "x-tollgate-shard-host", "x-tollgate-shard-path"

local function pattern_of(name)
  local rest = name:match("^[^.]*%.(.+)$")
  while rest do
    if PATTERNS["*." .. rest] then return "*." .. rest end
    rest = rest:match("^[^.]*%.(.+)$")
  end
  return "*"
end

function envoy_on_request(handle)
  if handle:streamInfo():routeName() ~= "" then return end
  local headers = handle:headers()
  local name = (headers:get(":authority") or ""):lower():gsub(":%d+$", "")
  local segment = (headers:get(":path") or ""):match("^/([^/?#]*)") or ""
  headers:replace(HOST, pattern_of(name))
  headers:replace(PATH, "/" .. segment:lower())
  handle:clearRouteCache()
  handle:metadata():get("tollgate")
  if handle:streamInfo():routeName() ~= "" then return end
  headers:replace(PATH, "/*")
  handle:clearRouteCache()
end
