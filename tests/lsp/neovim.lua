-- nvim --headless -u NONE FILE -S neovim.lua: start the server, choose its action on the first
-- line, wait for the edit, and write the file; with COMPLETE, ask for the completion at the end.

local function start(config)
  if vim.lsp.start then
    return vim.lsp.start(config)
  end
  local id = vim.lsp.start_client(config) -- before Neovim 0.8
  vim.lsp.buf_attach_client(0, id)
  return id
end

local function wait(what, condition)
  if not vim.wait(30000, condition, 20) then
    io.stderr:write("no " .. what .. "\n")
    vim.cmd("cquit")
  end
end

vim.bo.filetype = "python"
vim.ui.select = function(items, _, choose)
  choose(items[1], 1)
end
local id = start({
  name = "ondevice",
  cmd = vim.fn.json_decode(vim.env.ONDEVICE_LSP),
  root_dir = vim.fn.getcwd(),
  -- As a user's own would be written: nothing is said of what the client can do.
  init_options = { seed = 0 },
})
wait("server", function()
  local client = vim.lsp.get_client_by_id(id)
  return client and (client.server_capabilities or {}).codeActionProvider
end)

vim.api.nvim_win_set_cursor(0, { 1, 0 })
vim.lsp.buf.code_action()
wait("edit", function()
  return not vim.api.nvim_buf_get_lines(0, 0, 1, true)[1]:find("ondevice:")
end)
vim.cmd("write")

-- Go on in the editor: a line of one's own, then what the server makes of it.
vim.api.nvim_buf_set_lines(0, 0, -1, true, { "# write factorial(n)", "def factorial(n):", "" })
vim.api.nvim_win_set_cursor(0, { 3, 0 })
local params = { textDocument = vim.lsp.util.make_text_document_params() }
params.position = { line = 2, character = 0 }
local offered
vim.lsp.buf_request(0, "textDocument/completion", params, function(error, result)
  offered = error and { items = {} } or result
end)
wait("completion", function()
  return offered
end)
for _, item in ipairs(offered.items) do
  io.stdout:write(item.textEdit.newText)
end
vim.cmd("qall!")
