// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { figureOf } from "../../js/src/export/figure";
import { csv } from "../../js/src/export/table";

/** A reader of RFC 4180 that shares nothing with the writer. */
function read(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '"' && text[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      rows.at(-1)?.push(cell);
      cell = "";
    } else if (text.startsWith("\r\n", i) && !quoted) {
      rows.at(-1)?.push(cell);
      rows.push([]);
      cell = "";
      i++;
    } else cell += char;
  }
  rows.pop();
  return rows;
}

describe("csv", () => {
  it("quotes what would break a row, and comes back as it was", () => {
    const cells = ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", " ", "", "plain"];
    const text = csv({ columns: ["token"], rows: cells.map((cell) => [cell]) });
    expect(read(text)).toEqual([["token"], ...cells.map((cell) => [cell])]);
    expect(text).toContain('"say ""hi"""\r\n');
    expect(text).toContain('"two\nlines"');
  });

  it.each(["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", '=HYPERLINK("http://x","y")'])(
    "gives %j to a spreadsheet as text",
    (token) => {
      const [, row] = read(csv({ columns: ["token", "loss"], rows: [[token, -1.5]] }));
      expect(row).toEqual([`'${token}`, "-1.5"]);
    },
  );

  it("leaves numbers numbers, and what is missing empty", () => {
    const rows = [[-0.25, 1e-9, Number.NaN, null, Number.NEGATIVE_INFINITY]];
    expect(csv({ columns: ["=a", "b", "c", "d", "e"], rows })).toBe("'=a,b,c,d,e\r\n-0.25,1e-9,,,\r\n");
  });
});

describe("figureOf", () => {
  it("is XML whatever characters a token or a name holds", () => {
    const root = document.createElement("figure");
    document.body.append(root);
    root.innerHTML = '<svg xmlns="http://www.w3.org/2000/svg"><text></text><title></title></svg>';
    const odd = 'a\u0000b\u001b[31m\ud800c\uffff\ufffe<&">';
    for (const text of root.querySelectorAll("text, title")) text.textContent = odd;
    root.querySelector("text")?.setAttribute("aria-label", odd);
    const { text } = figureOf(root);
    expect(text).toContain("b\ufffd[31m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about these
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
    expect(text).not.toMatch(/\p{Surrogate}/u);
  });
});
