/** One user pool at work. */
import type { Cloud, Ports } from "../cloud/types.ts";
import type { UserPoolSpec } from "../plan/types.ts";
import type { SrpExchange } from "./srp.ts";
import { openStore, type PoolStore, type User } from "./store.ts";
import { createTokens, makeSigningKeys, type Tokens } from "./tokens.ts";
import { createTriggers, type Triggers } from "./triggers.ts";

export type Client = UserPoolSpec["clients"][number];

export interface Pool {
  cloud: Cloud;
  spec: UserPoolSpec;
  store: PoolStore;
  tokens: Tokens;
  triggers: Triggers;
  /** Challenges that wait for their answer, by session (by secret block for SRP). */
  challenges: Map<string, Challenge>;
}
export interface Challenge {
  /** Undefined in a password challenge to a user who does not exist. */
  user: User | undefined;
  clientId: string;
  /** Milliseconds. */
  expiresAt: number;
  answer: "NEW_PASSWORD_REQUIRED" | SrpExchange;
}

/** Reads what the pool kept, and makes its signing keys the first time. */
export async function openPool(cloud: Cloud, ports: Ports, spec: UserPoolSpec): Promise<Pool> {
  const store = openStore(cloud, spec);
  let keys = store.keys();
  if (!keys) {
    keys = await makeSigningKeys();
    store.keepKeys(keys);
  }
  return {
    cloud,
    spec,
    store,
    tokens: createTokens(cloud.clock, spec, store, keys),
    triggers: createTriggers(cloud, ports, spec, store),
    challenges: new Map(),
  };
}
