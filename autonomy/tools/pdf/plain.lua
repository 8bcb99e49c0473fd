-- What of a Word file goes into its PDF: text and its form. Nothing speaks Typst, and links lead to web pages only.

local function is_web(target)
  return target:match("^[Hh][Tt][Tt][Pp][Ss]?://[^%s]+$") ~= nil
end

local function nothing() return {} end

local function around(open, blocks)
  local all = pandoc.Blocks({ pandoc.RawBlock("typst", "#" .. open .. "[") })
  all:extend(blocks)
  all:insert(pandoc.RawBlock("typst", "]"))
  return all
end

-- Signs that nobody sees and no PDF may hold.
local function shown(text)
  return (text:gsub("\u{FEFF}", ""):gsub("\u{FFFE}", ""):gsub("\u{FFFF}", ""))
end

local plain = {
  RawInline = nothing,
  RawBlock = nothing,
  Image = function(image) return image.caption end,
  Math = function(math) return pandoc.Str(shown(math.text)) end,
  Str = function(words) return pandoc.Str(shown(words.text)) end,
  Span = function(span) return span.content end,
  Code = function(code) return pandoc.Code(shown(code.text)) end,
  CodeBlock = function(code) return pandoc.CodeBlock(shown(code.text)) end,
  Link = function(link)
    return is_web(link.target) and pandoc.Link(link.content, link.target) or link.content
  end,
}

-- No level is left out, so that the headings make an outline; nothing leads to them, so they need no names.
local title, depth = nil, 0
local formed = {
  traverse = "topdown",
  Header = function(heading)
    depth = math.min(heading.level, depth + 1)
    local plain_heading = pandoc.Header(depth, heading.content)
    if title then return plain_heading, false end
    title = heading.content
    return around("opening", { plain_heading }), false
  end,
  Div = function(div)
    if div.attributes["custom-style"] == "Bibliography" then return around("reference", div.content), false end
    return div.content
  end,
}

local named = {
  Pandoc = function(document)
    document.meta = { title = pandoc.MetaInlines(title or { pandoc.Str("Untitled") }) }
    return document
  end,
}

return { plain, formed, named }
