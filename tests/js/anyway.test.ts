// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { Request } from "../../js/src/kernel/model";
import { freshPage, one, SHAPE, settle, show } from "./shown";

freshPage();

const LARGE = { message: "Too large: 133 forward passes, about 4 minutes.", hint: "", anyway: true };
const works = fakeKernel(SHAPE, 3);

/** Computes wirings only for who insists, and then without an end. */
function reluctant(request: Request, model: FakeModel): void {
  if (request.kind !== "wiring") works(request, model);
  else if (!("anyway" in request)) model.reply({ id: request.id, error: LARGE });
}

const buttons = (el: Element) => [...el.querySelectorAll("button")].map(({ textContent }) => textContent);

it("what takes long says what it costs, is computed by a button and stopped by another", async () => {
  const { el, fake } = await show({ heads: [[1, 2]], checkpoint: 4, _view: { tab: "wiring" } }, reluctant);
  const panel = one(el, "[role=tabpanel]");
  const asked = () => fake.sent.filter(({ kind }) => kind === "wiring");
  const press = async (name: string) => {
    const found = [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === name);
    found?.click();
    await settle();
  };
  expect(one(panel, "[role=alert]").textContent).toContain("133 forward passes, about 4 minutes");
  expect(buttons(panel)).not.toContain("Try again");
  await press("Compute it all the same");
  expect(asked().map((request) => "anyway" in request)).toEqual([false, true]);
  expect(panel.querySelector("[role=alert]")).toBeNull();
  await press("Stop");
  expect(fake.sent.filter(({ kind }) => kind === "cancel").map(({ id }) => id)).toEqual([asked()[1]?.id]);
  expect(buttons(panel)).toContain("Compute it all the same");
  expect(buttons(panel)).not.toContain("Stop");
});
