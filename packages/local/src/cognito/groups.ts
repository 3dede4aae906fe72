/** Groups of a pool. */
import { AwsError } from "../cloud/errors.ts";
import { invalidParameter, notFound } from "./errors.ts";
import { groupsOf } from "./group-order.ts";
import { type Input, optionalText, page, seconds, text } from "./input.ts";
import type { Pool } from "./pool.ts";
import type { Group } from "./store.ts";
import { describe, userOf } from "./users.ts";

type Answer = Record<string, unknown>;

export function createGroup(pool: Pool, input: Input): Answer {
  const name = text(input, "GroupName");
  if (pool.store.group(name))
    throw new AwsError("GroupExistsException", "A group with the name already exists.", 400);
  const { Precedence: precedence } = input;
  if (precedence !== undefined && (!Number.isInteger(precedence) || Number(precedence) < 0))
    throw invalidParameter("Precedence must be a non-negative integer");
  const description = optionalText(input, "Description");
  const roleArn = optionalText(input, "RoleArn");
  const group = pool.store.addGroup({
    name,
    ...(precedence !== undefined && { precedence: Number(precedence) }),
    ...(description !== undefined && { description }),
    ...(roleArn !== undefined && { roleArn }),
  });
  return { Group: describeGroup(pool, group) };
}

export function getGroup(pool: Pool, input: Input): Answer {
  return { Group: describeGroup(pool, groupOf(pool, input)) };
}
export function deleteGroup(pool: Pool, input: Input): Answer {
  pool.store.removeGroup(groupOf(pool, input).name);
  return {};
}

export function adminAddUserToGroup(pool: Pool, input: Input): Answer {
  const user = userOf(pool, input);
  const { name } = groupOf(pool, input);
  if (!user.groups.includes(name)) {
    user.groups.push(name);
    pool.store.touch(user);
  }
  return {};
}
export function adminRemoveUserFromGroup(pool: Pool, input: Input): Answer {
  const user = userOf(pool, input);
  const { name } = groupOf(pool, input);
  user.groups = user.groups.filter((group) => group !== name);
  pool.store.touch(user);
  return {};
}

export function adminListGroupsForUser(pool: Pool, input: Input): Answer {
  const { items, next } = page(groupsOf(pool.store, userOf(pool, input)), input, "NextToken", 60);
  return {
    Groups: items.map((group) => describeGroup(pool, group)),
    ...(next !== undefined && { NextToken: next }),
  };
}
export function listGroups(pool: Pool, input: Input): Answer {
  const { items, next } = page(pool.store.groups(), input, "NextToken", 60);
  return {
    Groups: items.map((group) => describeGroup(pool, group)),
    ...(next !== undefined && { NextToken: next }),
  };
}
export function listUsersInGroup(pool: Pool, input: Input): Answer {
  const { name } = groupOf(pool, input);
  const members = pool.store.users().filter((user) => user.groups.includes(name));
  const { items, next } = page(members, input, "NextToken", 60);
  return {
    Users: items.map((user) => describe(user, "Attributes")),
    ...(next !== undefined && { NextToken: next }),
  };
}

function groupOf(pool: Pool, input: Input): Group {
  const group = pool.store.group(text(input, "GroupName"));
  if (!group) throw notFound("Group not found.");
  return group;
}

function describeGroup({ spec }: Pool, group: Group): Answer {
  return {
    GroupName: group.name,
    UserPoolId: spec.id,
    ...(group.description !== undefined && { Description: group.description }),
    ...(group.roleArn !== undefined && { RoleArn: group.roleArn }),
    ...(group.precedence !== undefined && { Precedence: group.precedence }),
    CreationDate: seconds(group.createdAt),
    LastModifiedDate: seconds(group.modifiedAt),
  };
}
