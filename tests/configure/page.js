// SPDX-License-Identifier: BSD-3-Clause
// The page's scripts without a browser: what computes, and touches no document.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const SCRIPTS = ["settings", "rules_code", "rules", "password", "json_text", "conf_text", "fixes", "choices", "link"];
const NAMES = ["SETTINGS", "RULES_CODE", "Rules", "Password", "JsonText", "ConfText", "Fixes", "Choices", "Link"];

// Their objects, by name; the rules have been started.
async function load(directory) {
  const context = vm.createContext({ atob, btoa, crypto, TextEncoder, TextDecoder, WebAssembly, structuredClone });
  const code = SCRIPTS.map((name) => fs.readFileSync(path.join(directory, `${name}.js`), "utf8")).join("\n");
  const page = vm.runInContext(`${code}\n({ ${NAMES.join(", ")} })`, context);
  await page.Rules.start();
  return page;
}

module.exports = { load };
