/** What runtime 2.0 of CloudFront Functions has beside the language, written in that language: it runs inside. */
export const prelude = `"use strict";
(() => {
  const host = globalThis.host;
  delete globalThis.host;
  const ask = (name, ...args) => {
    const { error, value } = JSON.parse(host(name, JSON.stringify(args.map(String))));
    if (error !== undefined) throw new Error(error);
    return value;
  };
  let origin;

  const kvs = (id) => {
    if (!ask("has")) throw new Error("no key value store is associated with this function");
    const read = (key) => {
      const value = ask("get", key);
      if (value === null) throw new Error("KeyValueStore: no such key: " + key);
      return value;
    };
    return {
      async get(key, options) {
        const value = read(key);
        const format = (options && options.format) || "string";
        if (format === "json") return JSON.parse(value);
        if (format === "string") return value;
        throw new Error("KeyValueStore: of formats string and json run on this machine, not " + format);
      },
      async exists(key) {
        return ask("get", key) !== null;
      },
      async count() {
        return ask("count");
      },
    };
  };
  const cloudfront = {
    kvs,
    updateRequestOrigin(update) {
      origin = { ...origin, update };
    },
    selectRequestOriginById(select) {
      origin = { select };
    },
    createRequestOriginGroup() {
      throw new Error("createRequestOriginGroup does not run on this machine");
    },
  };

  class Digest {
    #name;
    #first;
    #text = "";
    constructor(name, ...first) {
      this.#name = name;
      this.#first = first;
    }
    update(text) {
      this.#text += text;
      return this;
    }
    digest(encoding) {
      return ask(this.#name, ...this.#first, this.#text, encoding || "hex");
    }
  }
  const crypto = {
    createHash: (algorithm) => new Digest("hash", algorithm),
    createHmac: (algorithm, key) => new Digest("hmac", algorithm, key),
  };

  class Bytes {
    #base64;
    constructor(base64) {
      this.#base64 = base64;
    }
    static from(text, encoding) {
      return new Bytes(ask("recode", text, encoding || "utf8", "base64"));
    }
    toString(encoding) {
      return ask("recode", this.#base64, "base64", encoding || "utf8");
    }
  }
  const modules = {
    cloudfront: { ...cloudfront, default: cloudfront },
    crypto,
    buffer: { Buffer: Bytes },
  };
  const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  define("Buffer", Bytes);
  define("btoa", (text) => ask("recode", text, "latin1", "base64"));
  define("atob", (text) => ask("recode", text, "base64", "latin1"));
  define("require", (name) => {
    if (!Object.hasOwn(modules, name)) throw new Error('the module "' + name + '" does not run on this machine');
    return modules[name];
  });
  const log = (...parts) =>
    void ask("log", parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "));
  define("console", { log, info: log, warn: log, error: log, debug: log });
  Object.defineProperty(globalThis, "__call", {
    value(handler) {
      origin = undefined;
      const end = (outcome) => {
        globalThis.__outcome = JSON.stringify(outcome);
      };
      (async () => handler(JSON.parse(globalThis.__event)))().then(
        (result) => end({ result, origin }),
        (error) => end({ error: String((error && error.message) || error) }),
      );
    },
  });
})();`;
