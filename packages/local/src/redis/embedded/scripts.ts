/** EVAL and its kin (https://redis.io/docs/latest/develop/interact/programmability/lua-api/). */
import { createHash } from "node:crypto";
import type { LuaState } from "fengari";
import {
  Double,
  Failure,
  formatDouble,
  Members,
  NoList,
  OK,
  Pairs,
  Push,
  type Reply,
  Scored,
  Status,
} from "../resp.ts";
import { cjsonNull, decodeJson, encodeJson } from "./cjson.ts";
import { at, type Command, type Context, countedKeys, integer, type Table, takeFlags } from "./command.ts";
import { bytes, fengari, type LuaValue, push, pushString, read, textOf } from "./lua.ts";

/** Redis answers BUSY to the others after this time; here, where nobody could be told, the script ends. */
const LONGEST_RUN_MS = 5_000;
const INSTRUCTIONS_BETWEEN_LOOKS = 10_000;

/** What 5.1 has and 5.3 has not, what Redis adds, and what a script must not reach. */
const prelude = `
local raw_tonumber, raw_floor, raw_ceil = tonumber, math.floor, math.ceil
tonumber = function(...) local n = raw_tonumber(...) return n and n + 0.0 end
math.floor = function(x) return raw_floor(x) + 0.0 end
math.ceil = function(x) return raw_ceil(x) + 0.0 end
math.pow = function(x, y) return x ^ y end
table.getn = function(t) return #t end
unpack = table.unpack
loadstring = load
print, dofile, loadfile, collectgarbage = nil, nil, nil, nil
redis.error_reply = function(text)
  if string.sub(text, 1, 1) == "-" then return {err = string.sub(text, 2)} end
  return {err = string.find(text, " ", 1, true) and text or "ERR " .. text}
end
redis.status_reply = function(text) return {ok = text} end
redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING = 0, 1, 2, 3
redis.log = function() end
redis.setresp = function() end
redis.replicate_commands = function() return true end
cjson = {encode = json_encode, decode = json_decode, null = json_null}
json_encode, json_decode, json_null = nil, nil, nil
setmetatable(_G, {
  __newindex = function() error("Attempt to modify a readonly table", 2) end,
  __index = function(_, name) error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2) end,
})
`;

export class Scripts {
  readonly #sources = new Map<string, string>();
  /** References to compiled functions, by digest. */
  readonly #compiled = new Map<string, number>();
  #state: LuaState | undefined;
  /** Whose script runs now. */
  #context: Context | undefined;

  load(source: string): string {
    const digest = digestOf(source);
    this.#compile(source, digest);
    this.#sources.set(digest, source);
    return digest;
  }
  has(digest: string): boolean {
    return this.#sources.has(digest.toLowerCase());
  }
  find(digest: string): string {
    const source = this.#sources.get(digest.toLowerCase());
    if (source === undefined) throw new Failure("NOSCRIPT No matching script. Please use EVAL.");
    return source;
  }
  flush(): void {
    this.#sources.clear();
    this.#compiled.clear();
    this.#state = undefined;
  }

  run(context: Context, source: string, keys: string[], args: string[]): Reply {
    const { lua } = fengari();
    const digest = this.load(source);
    const reference = this.#compiled.get(digest) ?? 0;
    const state = this.#open();
    const deadline = performance.now() + LONGEST_RUN_MS;
    this.#context = context;
    try {
      this.#setRaw(state, "KEYS", keys);
      this.#setRaw(state, "ARGV", args);
      lua.lua_sethook(
        state,
        (running) => {
          if (performance.now() < deadline) return;
          pushString(running, `script ran for longer than ${LONGEST_RUN_MS} ms`);
          lua.lua_error(running);
        },
        lua.LUA_MASKCOUNT,
        INSTRUCTIONS_BETWEEN_LOOKS,
      );
      lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, reference);
      const outcome = lua.lua_pcall(state, 0, 1, 0);
      const value = read(state, -1);
      if (outcome === lua.LUA_OK) return replyOf(value);
      throw new Failure(
        value && typeof value === "object" && "err" in value
          ? `${value.err} script: ${digest}, on @user_script:1.`
          : `ERR ${String(value)} script: ${digest}, on @user_script:1.`,
      );
    } finally {
      lua.lua_sethook(state, null, 0, 0);
      lua.lua_settop(state, 0);
      this.#context = undefined;
    }
  }

  #compile(source: string, digest: string) {
    if (this.#compiled.has(digest)) return;
    const { lua, lauxlib } = fengari();
    const state = this.#open();
    const code = bytes(source);
    if (lauxlib.luaL_loadbuffer(state, code, code.length, bytes("@user_script")) !== lua.LUA_OK) {
      const reason = textOf(lua.lua_tolstring(state, -1));
      lua.lua_settop(state, 0);
      throw new Failure(`ERR Error compiling script (new function): ${reason}`);
    }
    this.#compiled.set(digest, lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX));
  }

  #open(): LuaState {
    if (this.#state) return this.#state;
    const { lua, lauxlib, lualib } = fengari();
    const state = lauxlib.luaL_newstate();
    for (const [name, open] of [
      ["_G", lualib.luaopen_base],
      ["table", lualib.luaopen_table],
      ["string", lualib.luaopen_string],
      ["math", lualib.luaopen_math],
    ] as const) {
      lauxlib.luaL_requiref(state, bytes(name), open, true);
      lua.lua_pop(state, 1);
    }
    lua.lua_createtable(state, 0, 8);
    for (const [name, run] of [
      ["call", (running: LuaState) => this.#call(running, true)],
      ["pcall", (running: LuaState) => this.#call(running, false)],
      ["sha1hex", sha1hex],
    ] as const) {
      pushString(state, name);
      lua.lua_pushcfunction(state, run);
      lua.lua_rawset(state, -3);
    }
    lua.lua_setglobal(state, bytes("redis"));
    lua.lua_pushcfunction(
      state,
      guarded((running) => pushString(running, encodeJson(running, 1))),
    );
    lua.lua_setglobal(state, bytes("json_encode"));
    lua.lua_pushcfunction(
      state,
      guarded((running) => decodeJson(running, textOf(lua.lua_tolstring(running, 1)))),
    );
    lua.lua_setglobal(state, bytes("json_decode"));
    lua.lua_pushlightuserdata(state, cjsonNull);
    lua.lua_setglobal(state, bytes("json_null"));
    const code = bytes(prelude);
    lauxlib.luaL_loadbuffer(state, code, code.length, bytes("=prelude"));
    lua.lua_call(state, 0, 0);
    this.#state = state;
    return state;
  }

  /** Past the guard on globals. */
  #setRaw(state: LuaState, name: string, values: string[]) {
    const { lua } = fengari();
    // LUA_RIDX_GLOBALS
    lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, 2);
    pushString(state, name);
    push(state, values);
    lua.lua_rawset(state, -3);
    lua.lua_pop(state, 1);
  }

  /** redis.call and redis.pcall. */
  #call(state: LuaState, raises: boolean): number {
    const { lua } = fengari();
    const reply = this.#execute(state);
    push(state, valueOfReply(reply));
    return reply instanceof Failure && raises ? lua.lua_error(state) : 1;
  }
  #execute(state: LuaState): Reply {
    const { lua } = fengari();
    const words: string[] = [];
    for (let index = 1; index <= lua.lua_gettop(state); index++) {
      const type = lua.lua_type(state, index);
      if (type === lua.LUA_TNUMBER) words.push(formatDouble(lua.lua_tonumber(state, index)));
      else if (type === lua.LUA_TSTRING) words.push(textOf(lua.lua_tolstring(state, index)));
      else return new Failure("ERR Lua redis lib command arguments must be strings or integers");
    }
    const [name = "", ...args] = words;
    const word = name.toLowerCase();
    if (words.length === 0)
      return new Failure("ERR Please specify at least one argument for this redis lib call");
    if (!this.#context) return new Failure("ERR no script is running");
    const { session, engine } = this.#context;
    try {
      engine.check(word, args);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return engine.commands.has(word)
        ? new Failure("ERR Wrong number of args calling Redis command from script")
        : new Failure("ERR Unknown Redis command called from script");
    }
    if (engine.commands.get(word)?.noScript)
      return new Failure("ERR This Redis command is not allowed from script");
    const reply = session.execute(word, args, false);
    return reply instanceof Promise ? null : reply;
  }
}

/** A function of ours in Lua: what it throws is raised there. */
function guarded(run: (state: LuaState) => void) {
  return (state: LuaState) => {
    const { lua } = fengari();
    try {
      run(state);
      return 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      push(state, { err: error.message });
    }
    return lua.lua_error(state);
  };
}

function sha1hex(state: LuaState): number {
  pushString(state, digestOf(textOf(fengari().lua.lua_tolstring(state, 1))));
  return 1;
}
const digestOf = (text: string) => createHash("sha1").update(Buffer.from(text, "latin1")).digest("hex");

/** As in version 2 of the protocol: nil is false, a double a string, a map a flat list. */
function valueOfReply(reply: Reply): LuaValue {
  if (reply === null || reply instanceof NoList) return false;
  if (typeof reply === "number" || typeof reply === "string") return reply;
  if (reply instanceof Status) return { ok: reply.text };
  if (reply instanceof Failure) return { err: reply.message };
  if (reply instanceof Double) return formatDouble(reply.value);
  if (reply instanceof Pairs) return reply.entries.flatMap(([name, value]) => [name, valueOfReply(value)]);
  if (reply instanceof Members) return reply.items;
  if (reply instanceof Scored)
    return reply.entries.flatMap(([member, score]) => [member, formatDouble(score)]);
  if (reply instanceof Push) return reply.items.map(valueOfReply);
  return reply.map(valueOfReply);
}

/** Numbers lose their fraction, true is 1, false is nil. */
function replyOf(value: LuaValue): Reply {
  if (value === undefined || value === false) return null;
  if (value === true) return 1;
  if (typeof value === "number") return Math.trunc(value) || 0;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(replyOf);
  return "ok" in value ? new Status(value.ok) : new Failure(value.err);
}

function evaluate(source: (context: Context, given: string) => string): Command {
  return {
    arity: -3,
    keys: countedKeys(1),
    noScript: true,
    run(context, [given = "", ...args]) {
      const number = integer(at(args, 0));
      if (number < 0) throw new Failure("ERR Number of keys can't be negative");
      if (number > args.length - 1)
        throw new Failure("ERR Number of keys can't be greater than number of args");
      const script = source(context, given);
      return context.engine.scripts.run(context, script, args.slice(1, 1 + number), args.slice(1 + number));
    },
  };
}
const byText = evaluate((_context, given) => given);
const byDigest = evaluate(({ engine }, given) => engine.scripts.find(given));

export const scriptCommands: Table = {
  eval: byText,
  eval_ro: byText,
  evalsha: byDigest,
  evalsha_ro: byDigest,
  script: {
    arity: -2,
    noScript: true,
    run({ engine }, [subcommand = "", ...args]): Reply {
      switch (subcommand.toUpperCase()) {
        case "LOAD":
          return engine.scripts.load(at(args, 0));
        case "EXISTS":
          return args.map((digest) => (engine.scripts.has(digest) ? 1 : 0));
        case "FLUSH":
          takeFlags(args, ["ASYNC", "SYNC"]);
          engine.scripts.flush();
          return OK;
        default:
          throw new Failure(`ERR unknown subcommand '${subcommand}'. Try SCRIPT HELP.`);
      }
    },
  },
};
