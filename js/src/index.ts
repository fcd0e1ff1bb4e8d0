/** The anywidget module: one store a model, one view a cell that displays it. */
import type { InitializeProps, RenderProps } from "@anywidget/types";
import type { ExplorerModel } from "./model";
import { Store } from "./state";
import { mount } from "./views/app";
import { whole } from "./whole";

export default () => {
  let store: Store | Promise<Store>;
  return {
    initialize({ model, signal }: Pick<InitializeProps<ExplorerModel>, "model" | "signal">): void {
      const rest = whole(model, signal);
      store = rest === null ? new Store(model, signal) : rest.then(() => new Store(model, signal));
    },
    render({ model, el, signal }: Pick<RenderProps<ExplorerModel>, "model" | "el" | "signal">): void {
      if (store instanceof Store) mount(model, store, el, signal);
      else store.then((whole) => mount(model, whole, el, signal));
    },
  };
};
