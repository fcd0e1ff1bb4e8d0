// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import loader from "../../js/src/kernel/loader";

const CODE = `
  const calls = [];
  globalThis.unpacked = (globalThis.unpacked ?? 0) + 1;
  export default () => ({
    initialize: () => calls.push("initialize"),
    render: ({ el }) => { el.textContent = [...calls, "render é"].join(" "); },
  });
`;
const page = globalThis as { unpacked?: number };

/** In base64, as a trait can hold it. */
async function gzipped(text: string): Promise<string> {
  const bytes = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return btoa(String.fromCharCode(...new Uint8Array(await new Response(bytes).arrayBuffer())));
}

afterEach(() => vi.restoreAllMocks());

it("a module that nobody has unpacked yet is unpacked once a version, with its styles", async () => {
  const revoked: string[] = [];
  const made: Blob[] = [];
  // Node imports no blobs: what is in them has an address that it does import.
  const address = `data:text/javascript,${encodeURIComponent(CODE)}`;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    made.push(blob as Blob);
    return address;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void revoked.push(url));
  const packed = await gzipped(CODE);
  const traits = { version: "unpacked-1", code: packed, styles: await gzipped(".one { color: red }") };
  const carrier = { get: (name: keyof typeof traits) => traits[name] };

  async function shown(): Promise<string | null> {
    const el = document.createElement("div");
    const model = {
      get: () => "IPY_MODEL_carrier",
      widget_manager: { get_model: async () => carrier },
    };
    const props = { model, el, signal: new AbortController().signal } as never;
    const widget = loader();
    widget.initialize(props);
    await widget.render(props);
    return el.textContent;
  }

  expect(await shown()).toBe("initialize render é");
  expect(await shown()).toBe("initialize initialize render é");
  expect(page.unpacked).toBe(1);
  expect(made.map(({ type }) => type)).toEqual(["text/javascript"]);
  expect(await made[0]?.text()).toBe(CODE);
  expect(revoked).toEqual([address]);
  const styles = () => [...document.querySelectorAll("style#induction-explorer")];
  expect(styles().map((style) => style.textContent)).toEqual([".one { color: red }"]);

  Object.assign(traits, { version: "unpacked-2", styles: await gzipped(".two { color: red }") });
  await shown();
  expect(styles().map((style) => style.textContent)).toEqual([".two { color: red }"]);

  Object.assign(traits, { version: "unpacked-3", code: "" });
  await expect(shown()).rejects.toThrow();
  Object.assign(traits, { code: packed });
  await expect(shown()).resolves.toContain("render é"); // what failed is tried again
});
