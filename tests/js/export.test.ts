// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { download, fileName } from "../../js/src/export/download";
import { figureOf, pngOf } from "../../js/src/export/figure";
import { csv } from "../../js/src/export/table";
import { exact } from "../../js/src/export/tables";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

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
    const text = csv({ columns: ["token"], rows: cells.map((cell) => [cell]), holds: "" }, []);
    expect(read(text).slice(1)).toEqual([["token"], ...cells.map((cell) => [cell])]);
    expect(text).toContain('"say ""hi"""\r\n');
    expect(text).toContain('"two\nlines"');
  });

  it.each(["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", '=HYPERLINK("http://x","y")'])(
    "gives %j to a spreadsheet as text",
    (token) => {
      const [, , row] = read(csv({ columns: ["token", "loss"], rows: [[token, -1.5]], holds: "" }, []));
      expect(row).toEqual([`'${token}`, "-1.5"]);
    },
  );

  it("leaves numbers numbers, and what is missing empty", () => {
    const rows = [[-0.25, 1e-9, Number.NaN, null, Number.NEGATIVE_INFINITY]];
    const table = { columns: ["=a", "b", "c", "d", "e"], rows, holds: "A row." };
    expect(csv(table, [])).toBe("# A row.\r\n'=a,b,c,d,e\r\n-0.25,1e-9,,,\r\n");
  });

  it("says above the columns what its rows are, in one line that readers skip as a comment", () => {
    const table = { columns: ["token"], rows: [["#"], ["a # b"]], holds: "A row for\neach token." };
    const text = csv(table, ["run #1\r\n2.", "Loss."]);
    const [note, names, ...rows] = text.trimEnd().split("\r\n");
    expect(note).toBe("# A row for each token. run #1 2. Loss.");
    expect(names).toBe("token");
    expect(rows).toEqual(['"#"', '"a # b"']); // what stands in quotes begins no comment
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

describe("exact", () => {
  const digits = (x: number) => x.toExponential().split("e")[0]?.replace(/[-.]/g, "").length ?? 0;

  it("is the shortest decimal that is the same float32", () => {
    const odd = [0.1, 1 / 3, 1e-20, 123456.79, 16777215, 3.4028235e38, 1.17549435e-38, -2.5, 0];
    const many = Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10 ** ((i % 40) - 20));
    for (const float of [...odd, ...many].map(Math.fround)) {
      const short = exact(float) as number;
      expect(Math.fround(short)).toBe(float);
      if (digits(short) === 1) continue;
      expect(Math.fround(Number(float.toPrecision(digits(short) - 1)))).not.toBe(float);
    }
  });

  it("is nothing where nothing is known", () => {
    for (const missing of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(exact(missing)).toBeNull();
    }
  });
});

describe("fileName", () => {
  it.each([
    ["attn-only-2l Loss by position, step 1,300", "attn-only-2l-loss-by-position-step-1300"],
    ["v1.5 loss", "v15-loss"],
    ["run A/seed:7", "run-a-seed-7"],
    ["..a, b..", "a-b"],
    ["Größe 中文", "größe-中文"],
  ])("has of %j what a disk takes: %s", (words, name) => {
    expect(fileName(words)).toBe(name);
  });
});

describe("download", () => {
  it("hands the file over under its name, and lets go of it when it is read", () => {
    vi.useFakeTimers();
    const make = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:one");
    const revoke = vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
    const clicked: string[][] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push([this.download, this.href]);
    });
    const content = new Blob(["a"]);
    download("loss.csv", content);
    expect(make).toHaveBeenCalledWith(content);
    expect(clicked).toEqual([["loss.csv", "blob:one"]]);
    vi.advanceTimersByTime(5000);
    expect(revoke).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(revoke).toHaveBeenCalledExactlyOnceWith("blob:one");
  });
});

describe("pngOf", () => {
  const figure = { text: "<svg>a & b</svg>", width: 30, height: 20 };

  /** What is drawn on which canvas: nothing is drawn here. */
  function drawing(blob: Blob | null): unknown[][] {
    const drawn: unknown[][] = [];
    vi.spyOn(HTMLImageElement.prototype, "decode").mockResolvedValue();
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function (
      this: HTMLCanvasElement,
      kind: string,
    ) {
      const drawImage = (image: HTMLImageElement, ...place: number[]) =>
        drawn.push([kind, this.width, this.height, decodeURIComponent(image.src), ...place]);
      return { drawImage } as never;
    });
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((then, type) => {
      drawn.push([type]);
      then(blob);
    });
    return drawn;
  }

  it("has twice as many pixels as the figure on the screen", async () => {
    const blob = new Blob(["png"]);
    const drawn = drawing(blob);
    await expect(pngOf(figure)).resolves.toBe(blob);
    const source = `data:image/svg+xml;charset=utf-8,${figure.text}`;
    expect(drawn).toEqual([["2d", 60, 40, source, 0, 0, 60, 40], ["image/png"]]);
  });

  it("says so where there is none", async () => {
    drawing(null);
    await expect(pngOf(figure)).rejects.toThrow("no PNG");
  });
});
