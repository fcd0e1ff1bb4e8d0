/** The anywidget module: one store a model, one view a cell that displays it. */
import type { InitializeProps, RenderProps } from "@anywidget/types";
import { mount } from "./app";
import type { ExplorerModel } from "./kernel/model";
import { type Rest, whole } from "./kernel/whole";
import { mountWaiting } from "./panels/waiting";
import { Store } from "./state/store";

export default () => {
  let store: Store;
  let rest: Rest | null;
  return {
    initialize({ model, signal }: Pick<InitializeProps<ExplorerModel>, "model" | "signal">): void {
      const begin = () => {
        rest = null;
        store = new Store(model, signal);
      };
      rest = whole(model, signal);
      if (rest === null) begin();
      else rest.arrived.then(begin);
    },
    render({ model, el, signal }: Pick<RenderProps<ExplorerModel>, "model" | "el" | "signal">): void {
      const show = () => mount(model, store, el, signal);
      if (rest === null) show();
      else {
        mountWaiting(model, rest.connection, el, signal);
        rest.arrived.then(show);
      }
    },
  };
};
