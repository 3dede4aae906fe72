/** Users, groups and grants of one pool, kept between runs. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { JWK } from "jose";
import type { Cloud } from "../cloud/types.ts";
import type { UserPoolSpec } from "../plan/types.ts";

export type UserStatus = "FORCE_CHANGE_PASSWORD" | "CONFIRMED" | "UNCONFIRMED" | "RESET_REQUIRED";

export interface StoredPassword {
  /** Hex. */
  salt: string;
  hash: string;
  /** Verifier of the Secure Remote Password protocol, hex. */
  srp: { salt: string; verifier: string };
}
export interface User {
  username: string;
  sub: string;
  status: UserStatus;
  enabled: boolean;
  /** Without `sub`. */
  attributes: Record<string, string>;
  password?: StoredPassword;
  groups: string[];
  /** Milliseconds. */
  createdAt: number;
  modifiedAt: number;
}
export interface Group {
  name: string;
  precedence?: number;
  description?: string;
  roleArn?: string;
  createdAt: number;
  modifiedAt: number;
}
/** One sign-in: what its refresh token gives, and what makes its access tokens good for Cognito's own API. */
export interface Grant {
  username: string;
  clientId: string;
  /** Seconds; claim `auth_time` of every token of the sign-in. */
  authTime: number;
  /** Claim `origin_jti`. */
  originJti: string;
  scopes: string[];
  /** Whether it came about on the hosted pages: their tokens look a little different. */
  hosted: boolean;
  /** Milliseconds. */
  expiresAt: number;
}
export interface SigningKeys {
  id: JWK;
  access: JWK;
}
interface PoolState {
  users: User[];
  groups: Group[];
  /** By SHA-256 of the refresh token. */
  grants: Record<string, Grant>;
}

export interface PoolStore {
  find(name: string): User | undefined;
  bySub(sub: string): User | undefined;
  users(): User[];
  add(user: User): void;
  /** Writes what was changed on a user. */
  touch(user: User): void;
  remove(user: User): void;
  groups(): Group[];
  group(name: string): Group | undefined;
  addGroup(group: Omit<Group, "createdAt" | "modifiedAt">): Group;
  removeGroup(name: string): void;
  /** @returns the refresh token; only its hash is kept. */
  grant(grant: Grant): string;
  grantOf(refreshToken: string): Grant | undefined;
  grantByOrigin(originJti: string): Grant | undefined;
  revoke(which: (grant: Grant) => boolean): void;
  keys(): SigningKeys | undefined;
  keepKeys(keys: SigningKeys): void;
}

export function openStore(cloud: Cloud, spec: UserPoolSpec): PoolStore {
  const file = `cognito/${spec.id}`;
  const keysFile = `cognito/${spec.id}-keys`;
  const state = cloud.state.read<PoolState>(file, { users: [], groups: [], grants: {} });
  const byName = new Map<string, User>();
  const now = () => cloud.clock.now();
  const save = () => cloud.state.write(file, state);

  /** Usernames and addresses have no case, as in a pool made since 2020. */
  const names = (user: User) =>
    [user.username, ...(spec.usernameAttributes ?? []).map((attribute) => user.attributes[attribute])]
      .filter((name) => name !== undefined)
      .map((name) => name.toLowerCase());
  function index() {
    byName.clear();
    for (const user of state.users) for (const name of names(user)) byName.set(name, user);
  }
  index();
  for (const group of spec.groups) {
    const kept = state.groups.find((one) => one.name === group.name);
    if (kept) Object.assign(kept, group);
    else state.groups.push({ ...group, createdAt: now(), modifiedAt: now() });
  }

  return {
    find: (name) => byName.get(name.toLowerCase()),
    bySub: (sub) => state.users.find((user) => user.sub === sub),
    users: () => state.users,
    add(user) {
      state.users.push(user);
      index();
      save();
    },
    touch(user) {
      user.modifiedAt = now();
      index();
      save();
    },
    remove(user) {
      state.users = state.users.filter((one) => one !== user);
      for (const [hash, grant] of Object.entries(state.grants))
        if (grant.username === user.username) delete state.grants[hash];
      index();
      save();
    },
    groups: () => state.groups,
    group: (name) => state.groups.find((group) => group.name === name),
    addGroup(group) {
      const made = { ...group, createdAt: now(), modifiedAt: now() };
      state.groups.push(made);
      save();
      return made;
    },
    removeGroup(name) {
      state.groups = state.groups.filter((group) => group.name !== name);
      for (const user of state.users) user.groups = user.groups.filter((group) => group !== name);
      save();
    },
    grant(grant) {
      const token = randomBytes(48).toString("base64url");
      for (const [hash, old] of Object.entries(state.grants))
        if (old.expiresAt <= now()) delete state.grants[hash];
      state.grants[digest(token)] = grant;
      save();
      return token;
    },
    grantOf(refreshToken) {
      const grant = state.grants[digest(refreshToken)];
      return grant && grant.expiresAt > now() ? grant : undefined;
    },
    grantByOrigin: (originJti) => Object.values(state.grants).find((grant) => grant.originJti === originJti),
    revoke(which) {
      for (const [hash, grant] of Object.entries(state.grants)) if (which(grant)) delete state.grants[hash];
      save();
    },
    keys: () => cloud.state.read<SigningKeys | undefined>(keysFile, undefined),
    keepKeys: (keys) => cloud.state.write(keysFile, keys),
  };
}

const digest = (token: string) => createHash("sha256").update(token).digest("hex");

/** A user as Cognito makes one; pools that name users by an attribute give them a UUID for a username. */
export function newUser(spec: UserPoolSpec, name: string, status: UserStatus, now: number): User {
  const sub = randomUUID();
  const attribute = spec.usernameAttributes?.find((one) => (one === "email") === name.includes("@"));
  return {
    username: attribute === undefined ? name : sub,
    sub,
    status,
    enabled: true,
    attributes: attribute === undefined ? {} : { [attribute]: name },
    groups: [],
    createdAt: now,
    modifiedAt: now,
  };
}
