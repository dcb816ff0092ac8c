// SPDX-License-Identifier: BSD-3-Clause
// The page in a real browser, as somebody sees it who opens the file.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const BROWSERS = [process.env.KG_CHROMIUM, "/usr/bin/chromium"].filter(Boolean);
const TOOLS = process.env.KG_PAGE_TOOLS ?? path.join(__dirname, "../../build/page-tools/node_modules");

// Status 77: what it wants is not here.
function skip(reason) {
  console.log(reason);
  process.exit(77);
}

function tool(name) {
  const at = path.join(TOOLS, name);
  if (!fs.existsSync(at)) skip(`${name} is missing: scripts/page_tools.sh fetches it`);
  return require(at);
}

async function withBrowser(work) {
  const executablePath = BROWSERS.find((name) => fs.existsSync(name));
  if (!executablePath) skip("no chromium");
  const { chromium } = tool("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

// A page that is ready. What it asks for beyond its own files, and what goes wrong in it, is an error in `asked`.
async function open(browser, directory, { fragment = "", ...options } = {}) {
  const context = await browser.newContext({ acceptDownloads: true, locale: "en-GB", ...options });
  const page = await context.newPage();
  const own = pathToFileURL(directory).href,
    asked = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(own) && !/^(data|blob):/.test(request.url())) asked.push(request.url());
  });
  page.on("pageerror", (error) => asked.push(`${error}`));
  page.on("console", (message) => message.type() === "error" && asked.push(message.text()));
  await page.goto(`${own}/index.html${fragment}`);
  await page.waitForSelector("html[data-ready]");
  return { page, asked, close: () => context.close() };
}

// What a button of a file writes.
async function downloaded(page, name) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Download ${name}`, exact: true }).click(),
  ]);
  return fs.readFileSync(await download.path(), "utf8");
}

module.exports = { withBrowser, open, downloaded, tool };
