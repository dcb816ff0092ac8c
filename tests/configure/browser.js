#!/usr/bin/env node
// SPDX-License-Identifier: BSD-3-Clause
// browser.js PAGE: each way in, by mouse and by keyboard alone, on a narrow screen, in both colour schemes and three
// languages; nothing is asked of any network. With KG_SCREENSHOTS=DIRECTORY it leaves a picture of each way there.
"use strict";

const assert = require("node:assert");
const path = require("node:path");
const { withBrowser, open, downloaded, tool } = require("./in_browser.js");

const directory = path.resolve(process.argv[2]);
const WAYS = ["steps", "all", "check"];
const LANGUAGES = ["en", "zh-Hans", "zh-Hant"];
const WRONG =
  '{\n  "ports": [{ "device": "net_null0", "addresses": "198.18.0.1/24" }],\n  "tunnels": [{ "mode": "client",' +
  ' "listen_port": 6000,\n    "destination_address": "198.18.0.2", "destination_port": 3000,' +
  ' "encryption_pasword": "x" }]\n}\n';

const TESTS = {
  async steps_make_both_files({ page }) {
    await page.getByLabel("Address or name").fill("198.18.0.2");
    await page.getByLabel("A game, or voice").check();
    await page.getByLabel("About one in a hundred").check();
    const client = JSON.parse(await downloaded(page, "client.json")),
      server = JSON.parse(await downloaded(page, "server.json"));
    const [near] = client.tunnels,
      [far] = server.tunnels;
    assert.strictEqual(near.destination_address, "198.18.0.2");
    assert.deepStrictEqual(
      [near.fec, far.fec, near.udp_order, far.udp_deadline, near.keep_alive, far.keep_alive],
      ["10:2", "10:2", "arrival", 300, 20, undefined],
    );
    assert(near.encryption_password.length >= 32 && near.encryption_password === far.encryption_password);
    assert.deepStrictEqual([near.inbound_bandwidth, far.outbound_bandwidth], ["100M", "100M"]);
    await page.getByText("Nothing is wrong with it.").first().waitFor();
    assert.match(await page.locator("#steps .drawing").getAttribute("aria-label"), /198\.18\.0\.2:3000-3010/);
  },

  async steps_write_for_an_original({ page }) {
    await page.getByLabel("Address or name").fill("198.18.0.2");
    await page.getByLabel("KCPTube or UDP Hop is the server").check();
    const text = await downloaded(page, "server.conf");
    assert.match(text, /^mode=server$/m);
    assert.match(text, /^listen_port=3000-3010$/m);
    assert.doesNotMatch(text, /^(name|fec|udp_order)=/m);
    await page.getByText("Nothing is wrong with it.").first().waitFor();
  },

  async steps_ask_what_matters_and_say_what_is_left_out({ page }) {
    await page.getByLabel("Address or name").fill("198.18.0.2");
    await page.getByLabel("A game, or voice").check();
    await page.getByLabel("One in twenty, or more").check();
    await page.getByText("UDP Hop's wire keeps nothing waiting").waitFor();
    const bandwidth = page.getByLabel("To the client, bits per second");
    assert(await bandwidth.isVisible());
    await page.getByLabel("UDP Hop's wire: UDP alone").check();
    assert(!(await bandwidth.isVisible()));
    assert.strictEqual(JSON.parse(await downloaded(page, "client.json")).tunnels[0].fec, "6:3");
    const leftOut = page.getByText("No parity is written");
    assert.strictEqual(await leftOut.count(), 0);
    await page.getByLabel("KCPTube or UDP Hop is the server").check();
    await leftOut.waitFor();
    await page.getByLabel("Hardly any").check();
    assert.strictEqual(await leftOut.count(), 0);
    await page.getByLabel("The web, many short connections").check();
    assert(await bandwidth.isVisible());
  },

  async all_settings_are_there({ page }) {
    await page.getByRole("button", { name: "All settings" }).click();
    await page.getByLabel("Advanced settings, too").check();
    const shown = await page.locator("#form .setting").evaluateAll((rows) => rows.map((row) => row.dataset.path));
    const wanted = await page.evaluate(() =>
      SETTINGS.scopes["tunnels[]"]
        .concat(SETTINGS.scopes["ports[]"])
        .filter(({ modes, rules }) => modes.includes("client") && !rules.keys && !rules.items?.keys)
        .map(({ key }) => key),
    );
    for (const key of wanted)
      assert(
        shown.some((at) => at.endsWith(`].${key}`)),
        `${key} is not shown`,
      );
  },

  async the_reference_is_there({ page }) {
    await page.getByRole("button", { name: "All settings" }).click();
    await page
      .locator(".setting[data-path='tunnels[0].fec']")
      .getByRole("button", { name: "Forward error correction" })
      .click();
    await page.getByText("makes three datagrams of parity for every ten").waitFor();
    assert(await page.evaluate(() => document.activeElement.textContent === "Forward error correction"));
  },

  async a_client_becomes_a_relay({ page }) {
    await page.getByRole("button", { name: "All settings" }).click();
    await page.locator("[id='at-tunnels[0].destination_address']").fill("198.18.0.2");
    const mode = page.locator("[id='at-tunnels[0].mode']");
    await mode.selectOption("relay");
    assert(await mode.evaluate((control) => control === document.activeElement));
    await page.locator("[id='at-tunnels[0].listener.listen_port']").fill("4000-4010");
    await page.locator("#all").getByText("Nothing is wrong with it.").waitFor();
    const [{ listener, forwarder, listen_on: own }] = JSON.parse(await downloaded(page, "box.json")).tunnels;
    assert.deepStrictEqual(
      [listener, forwarder.destination_address, own],
      [{ listen_port: "4000-4010" }, "198.18.0.2", undefined],
    );
  },

  async udp_hop_is_not_offered_what_it_has_not({ page }) {
    await page.getByRole("button", { name: "All settings" }).click();
    const shown = () =>
      page.locator("#form .setting").evaluateAll((rows) => rows.map((row) => row.dataset.path.replace(/.*\./, "")));
    await page.locator("[id='at-tunnels[0].kcp']").selectOption("fast3");
    assert((await shown()).includes("mux_tunnels"));
    const protocol = page.locator("[id='at-tunnels[0].protocol']");
    await protocol.selectOption("udphop");
    assert(await protocol.evaluate((control) => control === document.activeElement));
    const offered = await shown();
    assert(offered.includes("fec") && !offered.includes("mux_tunnels") && !offered.includes("inbound_bandwidth"));
    assert(offered.includes("kcp"), "what is written can be taken away");
    await page.getByLabel("Advanced settings, too").check();
    assert(!(await shown()).some((key) => /^(kcp_|rate$|pmtu$|blast$|udp_order$)/.test(key)));
    await protocol.selectOption("kcptube");
    assert((await shown()).includes("rate"));
  },

  async all_settings_are_judged_as_typed({ page }) {
    await page.getByRole("button", { name: "All settings" }).click();
    const field = page.locator("[id='at-tunnels[0].listen_port']");
    await field.fill("70000");
    assert.strictEqual(await field.getAttribute("aria-invalid"), "true");
    await page.locator("[id='at-tunnels[0].listen_port-wrong']").getByText("found 70000").waitFor();
    await field.fill("6000");
    assert.strictEqual(await field.getAttribute("aria-invalid"), null);
    assert.strictEqual(JSON.parse(await downloaded(page, "box.json")).tunnels[0].listen_port, 6000);
  },

  async a_file_is_checked_and_mended({ page }) {
    await page.getByRole("button", { name: "Check a file" }).click();
    await page.getByLabel("The file's text").fill(WRONG);
    await page.getByText('unknown key; did you mean "encryption_password"?').waitFor();
    await page.getByRole("button", { name: "Line 4" }).first().waitFor();
    await page.getByRole("button", { name: "Call it encryption_password" }).click();
    await page.getByRole("button", { name: "Add encryption_algorithm: AES-GCM" }).click();
    await page.getByText("Nothing is wrong with it.").last().waitFor();
    assert.match(await page.getByLabel("The file's text").inputValue(), /"encryption_password": "x"/);
  },

  async a_conf_file_becomes_a_configuration({ page }) {
    await page.getByRole("button", { name: "Check a file" }).click();
    await page
      .getByLabel("The file's text")
      .fill("mode=client\nlisten_port=6000\ndestination_port=3000\ndestination_address=198.18.0.2\nkcp=fast9\n");
    await page.getByText("Read as a .conf file").waitFor();
    await page.getByRole("button", { name: /^Write fast/ }).click();
    const box = JSON.parse(await downloaded(page, "box.json"));
    assert.strictEqual(box.tunnels[0].destination_address, "198.18.0.2");
    await page.getByRole("button", { name: "Go on with all settings" }).click();
    assert.strictEqual(await page.locator("[id='at-tunnels[0].destination_address']").inputValue(), "198.18.0.2");
  },

  async the_link_holds_all_but_passwords({ page }, { browser }) {
    await page.getByRole("button", { name: "All settings" }).click();
    await page.locator("[id='at-tunnels[0].destination_address']").fill("198.18.0.77");
    await page.locator("[id='at-tunnels[0].encryption_password']").fill("very secret");
    const fragment = new URL(page.url()).hash;
    assert.doesNotMatch(Buffer.from(fragment.split("=")[1], "base64url").toString(), /secret|password/);
    const again = await open(browser, directory, { fragment });
    assert.strictEqual(
      await again.page.locator("[id='at-tunnels[0].destination_address']").inputValue(),
      "198.18.0.77",
    );
    assert.strictEqual(await again.page.locator("[id='at-tunnels[0].encryption_password']").inputValue(), "");
    await again.close();
  },

  async a_bad_link_is_no_harm(_, { browser }) {
    for (const fragment of [
      "#all=%%%",
      "#all=W10",
      "#all=Im5vIg",
      "#nowhere",
      "#steps=bnVsbA",
      "#steps=eyJ1c2UiOiJ4IiwibG9zcyI6NSwib3JpZ2luYWwiOiJ0b1N0cmluZyJ9",
      "#all=eyJwb3J0cyI6NSwidHVubmVscyI6eyJhIjoxfX0",
    ]) {
      const { page, asked, close } = await open(browser, directory, { fragment });
      await page.getByRole("button", { name: "All settings" }).click();
      assert.deepStrictEqual(asked, [], fragment);
      await close();
    }
  },

  async by_keyboard_alone({ page }) {
    const focused = () => page.evaluate(() => document.activeElement.id);
    const tabTo = async (id) => {
      for (let i = 0; i < 80; i++) {
        if ((await focused()) === id) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`no way to ${id} by Tab`);
    };
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // skips to the page
    await tabTo("step-server");
    await page.keyboard.type("fd00:18::2");
    assert.match(await page.locator("#steps [data-file='client.json'] pre").textContent(), /fd00:18::2/);
    await page.evaluate(() => {
      document.activeElement.blur();
      scrollTo(0, 0);
    });
    await page.locator("#to-all").focus();
    await page.keyboard.press("Enter");
    await tabTo("at-tunnels[0].listen_port");
    await page.keyboard.type("6001");
    assert.match(await page.locator("#all [data-file='box.json'] pre").textContent(), /6001/);
    await page.locator("#to-check").focus();
    await page.keyboard.press("Enter");
    await tabTo("text");
    await page.keyboard.insertText(WRONG);
    await page.keyboard.press("Tab");
    for (let i = 0; i < 20 && !(await page.evaluate(() => document.activeElement.matches(".fix"))); i++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.match(await page.getByLabel("The file's text").inputValue(), /"encryption_password"/);
  },
};

async function looks({ browser }) {
  const { source: axe } = tool("axe-core");
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [
      { width: 1280, height: 900 },
      { width: 320, height: 640 },
    ]) {
      const { page, asked, close } = await open(browser, directory, { colorScheme, viewport, bypassCSP: true });
      await page.evaluate(axe);
      for (const language of LANGUAGES) {
        await page.locator("#language").selectOption(language);
        for (const way of WAYS) await look(page, way, `${way}, ${language}, ${colorScheme}, ${viewport.width} wide`);
      }
      assert.deepStrictEqual(asked, []);
      await close();
    }
  }
}

async function look(page, way, where) {
  await page.locator(`#to-${way}`).click();
  if (way === "check") await page.locator("#text").fill(WRONG);
  if (way === "all") {
    await page.locator("#advanced").setChecked(true);
    await page.locator(".reference details").evaluateAll((all) =>
      all.forEach((one) => {
        one.open = true;
      }),
    );
  }
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  assert.deepStrictEqual(
    violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html.slice(0, 120))
          .slice(0, 3)
          .join(" | ")}`,
    ),
    [],
    where,
  );
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert(wide <= room, `${where}: ${wide} pixels wide`);
}

async function pictures({ browser }) {
  const to = process.env.KG_SCREENSHOTS;
  if (!to) return;
  const { page, close } = await open(browser, directory, {
    viewport: { width: 1120, height: 840 },
    colorScheme: "light",
  });
  await page.getByLabel("Address or name").fill("198.18.0.2");
  await page.locator("[id='at-tunnels[0].destination_address']").evaluate((field) => {
    field.value = "198.18.0.2";
    field.dispatchEvent(new Event("input"));
  });
  for (const way of WAYS) {
    await page.locator(`#to-${way}`).click();
    if (way === "check") await page.locator("#text").fill(WRONG);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: path.join(to, `configure-${way}.png`) });
  }
  await close();
}

withBrowser(async (browser) => {
  for (const [name, test] of Object.entries(TESTS)) {
    const opened = await open(browser, directory);
    await test(opened, { browser });
    assert.deepStrictEqual(opened.asked, [], name);
    await opened.close();
    console.log(name);
  }
  await looks({ browser });
  await pictures({ browser });
});
