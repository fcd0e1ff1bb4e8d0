/**
 * A notebook's webview as the Jupyter extension of VS Code fills it: its widget manager, require.js, and outputs
 * drawn by the renderers of their types. The kernel is a real one; what the extension would hand on to it goes
 * there directly.
 */
import { ServerConnection } from "@jupyterlab/services";
import { KernelConnection } from "@jupyterlab/services/lib/kernel/default";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const GROUND = "cell-output-ipywidget-background";

class Webview {
  /** What the extension would show as an error. */
  failures = [];
  /** As the notebook keeps them. */
  outputs = [];
  #cells = document.getElementById("container");

  /**
   * `scripts` says where a widget's own script lies; of a remote server without the internet, the extension has
   * nothing to say.
   */
  async open({ url, token, kernel, scripts, restore }) {
    const settings = ServerConnection.makeSettings({ baseUrl: url, wsUrl: url.replace("http", "ws"), token, appendToken: true });
    this.kernel = new KernelConnection({
      model: { id: kernel, name: "python3" },
      serverSettings: settings,
      handleComms: true,
    });
    this.kernel.commsOverSubshells = "disabled";
    const registered = new Set();
    const loader = {
      widgetsRegisteredInRequireJs: registered,
      loadWidgetScript: async (name) => {
        if (scripts[name] === undefined) return;
        window.requirejs.config({ paths: { [name]: scripts[name] } });
        registered.add(name);
      },
      errorHandler: (name, module, _version, error) => this.failures.push(`${module}:${name}: ${error}`),
      successHandler: () => {},
    };
    window.vscIPyWidgets8.load();
    const { WidgetManager } = window.vscIPyWidgets;
    this.manager = new WidgetManager(this.kernel, this.#cells, loader, () => {});
    await this.kernel.info;
    if (restore) await this.manager._loadFromKernel();
  }

  /** Runs a cell and draws its outputs as they come. */
  async run(code, cellId) {
    const place = this.#place();
    const future = this.kernel.requestExecute({ code, store_history: true }, false, { cellId });
    const drawn = [];
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "error") this.failures.push(content.evalue);
      if (header.msg_type !== "display_data" && header.msg_type !== "execute_result") return;
      this.outputs.push(content.data);
      drawn.push(this.#draw(content.data, place));
    };
    await future.done;
    await Promise.all(drawn);
  }

  /** What the notebook holds, in a webview that has only just been made. */
  async show(outputs) {
    const place = this.#place();
    for (const data of outputs) await this.#draw(data, place);
  }

  #place() {
    const cell = this.#cells.appendChild(document.createElement("div"));
    cell.className = "cell_container";
    const outputs = cell.appendChild(document.createElement("div"));
    outputs.className = "output_container";
    return outputs;
  }

  async #draw(data, place) {
    const output = place.appendChild(document.createElement("div"));
    output.className = "output";
    if (data[WIDGET] !== undefined) await this.#widget(data[WIDGET], output);
    else if (data["text/html"] !== undefined) html(data["text/html"], output);
    else output.textContent = data["text/plain"];
  }

  async #widget(data, output) {
    output.classList.add(GROUND);
    const ground = output.appendChild(document.createElement("div"));
    ground.className = GROUND;
    try {
      const model = await this.manager.get_model(data.model_id);
      const view = await this.manager.create_view(model, { el: ground });
      await this.manager.display_view(data, view, { node: ground });
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}

/** With its scripts run, as of a notebook in a workspace that is trusted. */
function html(text, output) {
  output.innerHTML = text;
  for (const script of output.querySelectorAll("script")) {
    const run = document.createElement("script");
    run.textContent = script.textContent;
    script.replaceWith(run);
  }
}

window.webview = new Webview();
