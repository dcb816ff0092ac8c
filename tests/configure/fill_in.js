#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// fill_in.js PAGE DIRECTORY ANSWERS.json: answers the steps as somebody does who has a browser, and keeps both files.
// An answer is the text of a field with that id, or the value of a choice of that name.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { withBrowser, open, downloaded } = require("./in_browser.js");

const [directory, to, answers] = process.argv.slice(2);

withBrowser(async (browser) => {
  const { page } = await open(browser, path.resolve(directory));
  for (const [name, value] of Object.entries(JSON.parse(fs.readFileSync(answers, "utf8")))) {
    const choice = page.locator(`input[name='${name}'][value='${value}']`);
    if (await choice.count()) await choice.check();
    else await page.locator(`#step-${name}`).fill(value);
  }
  for (const end of ["client", "server"]) {
    fs.writeFileSync(path.join(to, `${end}.json`), await downloaded(page, `${end}.json`), { mode: 0o600 });
  }
});
