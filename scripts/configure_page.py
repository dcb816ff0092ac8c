#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the parts of the configuration page that say what may be configured.

configure_page.py settings SCHEMA.json REFERENCE    all settings: their rules, and the reference's words
configure_page.py code RULES.wasm LICENSE      the rules, as a script that holds them; what jansson's authors ask for

Both are scripts, for a page that is opened as a file cannot load anything else.
"""

import base64
import html
import json
import re
import sys
from pathlib import Path

from manual import cells

SCOPES = ["", "memory", "ports[]", "tunnels[]", "tunnels[].custom_input[]"]
TABLES = {"": "box"}
RULES = ("type", "enum", "minimum", "maximum", "pattern", "default")
MODES = ("client", "server", "relay")
LINK = r"\[([^]]*)\]\([^)]*\)"


def table(document, name):
    lines = document.split(f"<!-- table {name} -->\n", 1)[1].splitlines()
    for line in lines[2:]:
        if not line.startswith("|"):
            return
        yield cells(line)


# ---- from the schema ----

def properties(schema, scope):
    """Of the scope's object: "tunnels[].custom_input[]" is what the items of that list have."""
    for part in filter(None, scope.split(".")):
        schema = schema["properties"][part.removesuffix("[]")]
        schema = schema["items"] if part.endswith("[]") else schema
    return schema["properties"]


def rules_of(node):
    rules = {name: node[name] for name in RULES if name in node}
    if "properties" in node:
        rules["keys"] = list(node["properties"])
    if "items" in node:
        rules["items"] = rules_of(node["items"])
    return rules


def modes_of(meaning):
    """Those that a setting is for: all, unless its sentences begin with one."""
    named = [mode for mode in MODES if re.search(rf"(^|\. ){mode.capitalize()}\b[^.:]*:", meaning)]
    return named or list(MODES)


def setting(key, row, node):
    value, default, meaning, *kcptube = row
    meaning = re.sub(LINK, r"\1", meaning)
    return {"key": key, "value": value, "default": default, "meaning": meaning,
            "kcptube": kcptube[0] if kcptube else "the same", "modes": modes_of(meaning), "rules": rules_of(node)}


def settings_of(schema, document, scope):
    rows = {row[0].strip("`"): row[1:] for row in table(document, TABLES.get(scope, scope))}
    return [setting(key, rows[key], node) for key, node in properties(schema, scope).items()]


# ---- from the reference's chapters ----

def inline(text):
    text = re.sub(r"\s*\(\[decision[^)]*\)\)", "", html.escape(text, quote=False))
    text = re.sub(LINK, r"\1", text)
    text = re.sub(r"\*\*(.*?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", text)


def list_html(block):
    items = re.split(r"^\* ", block, flags=re.M)[1:]
    return "<ul>" + "".join(f"<li>{inline(' '.join(item.split()))}</li>" for item in items) + "</ul>"


def row_html(tag, row):
    """A heading that says nothing is none."""
    tags = [tag if cell else "td" for cell in row]
    return "<tr>" + "".join(f"<{t}>{inline(cell)}</{t}>" for t, cell in zip(tags, row)) + "</tr>"


def table_html(block):
    head, _, *body = block.splitlines()
    rows = [("th", cells(head)), *(("td", cells(line)) for line in body)]
    return f"<table>{''.join(row_html(*row) for row in rows if any(row[1]))}</table>"


def block_html(block):
    if block.startswith("```"):
        return f"<pre>{html.escape(block.split(chr(10), 1)[1].rsplit('```', 1)[0].strip(chr(10)))}</pre>"
    if block.startswith("    "):
        return f"<pre>{html.escape(re.sub('^    ', '', block, flags=re.M))}</pre>"
    if block.startswith("|"):
        return table_html(block)
    if block.startswith("* "):
        return list_html(block)
    lines, _, rest = block.partition("\n* ")
    paragraph = f"<p>{inline(' '.join(lines.split()))}</p>"
    return paragraph + (list_html("* " + rest) if rest else "")


def chapters(document):
    """Those below "How values are written", but for tables that are settings."""
    document = re.sub(r"<!-- table .*?<!-- end -->\n", "", document, flags=re.S)
    parts = re.split(r"^(##+) (.*)\n", document, flags=re.M)
    first = parts.index("How values are written") - 1
    for mark, title, text in zip(*[iter(parts[first:])] * 3):
        blocks = [block for block in re.split(r"\n{2,}", text.strip("\n")) if block.strip()]
        if blocks:
            yield {"title": title, "text": "".join(block_html(block) for block in blocks),
                   "keys": [key for block in blocks if not block.startswith(("    ", "```"))
                            for key in re.findall(r"`\"?([a-z][a-z0-9_]*)\"?[`:]", block)]}


def mentions(chapter, key):
    """What is called after a setting, as a counter of it, speaks of it, too."""
    return 3 * chapter["keys"].count(key) + sum(other.startswith(f"{key}_") for other in chapter["keys"])


def name_chapters(scopes, found):
    """Each setting's chapter is the one that speaks of it most; then nobody needs to know the keys."""
    for setting in (one for scope in SCOPES[:4] for one in scopes[scope]):
        count, index = max((mentions(chapter, setting["key"]), -i) for i, chapter in enumerate(found))
        if count:
            setting["chapter"] = -index
    return [{"title": chapter["title"], "text": chapter["text"]} for chapter in found]


def presets(document):
    for row in table(document, "presets"):
        name, *numbers, window = (cell.strip("`") for cell in row)
        yield name, {"numbers": numbers, "window": int(window)}


def write_settings(schema_path, reference_path):
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    document = Path(reference_path).read_text(encoding="utf-8")
    scopes = {scope: settings_of(schema, document, scope) for scope in SCOPES}
    made = {
        "scopes": scopes,
        "relay": {row[0].strip("`"): re.sub("`", "", row[1]).split(", ") for row in table(document, "relay")},
        "presets": dict(presets(document)),
        "chapters": name_chapters(scopes, list(chapters(document))),
    }
    print("// Made by scripts/configure_page.py of config/kcpgate.schema.json and docs/configuration.md.")
    print("const SETTINGS = " + json.dumps(made, indent=1, ensure_ascii=False) + ";")


def write_code(path, licence):
    text = base64.b64encode(Path(path).read_bytes()).decode()
    print("// Made by scripts/configure_page.py: lib/config and lib/import as WebAssembly, and jansson, whose licence is:")
    print("//")
    for line in Path(licence).read_text(encoding="utf-8").splitlines():
        print(f"// {line}".rstrip())
    print("const RULES_CODE = (")
    print(" +\n".join(f'  "{text[at:at + 100]}"' for at in range(0, len(text), 100)))
    print(");")


if __name__ == "__main__":
    {"settings": write_settings, "code": write_code}[sys.argv[1]](*sys.argv[2:])
