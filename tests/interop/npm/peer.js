// SPDX-License-Identifier: Apache-2.0
// A peer of the tests: the elections and locks of npm's etcd3.
//
//   node peer.js elect ENDPOINT NAME VALUE   campaigns; prints VALUE when it
//                                            leads; resigns at SIGTERM
//   node peer.js observe ENDPOINT NAME       prints each leader, "-" for none
//   node peer.js leader ENDPOINT NAME        prints the leader
//   node peer.js lock ENDPOINT NAME          takes etcd3's lock, prints "held",
//                                            and releases it at SIGTERM
'use strict';

const { Etcd3 } = require('etcd3');

const TTL_S = 10;
const [command, endpoint, name, value] = process.argv.slice(2);
const client = new Etcd3({ hosts: `http://${endpoint}` });

function terminated() {
  // A listener alone does not keep Node running.
  const alive = setInterval(() => undefined, 60000);
  return new Promise((resolve) => {
    process.once('SIGTERM', () => {
      clearInterval(alive);
      resolve();
    });
  });
}

async function elect() {
  const end = terminated();
  const campaign = client.election(name, TTL_S).campaign(value);
  campaign.wait().then(() => console.log(value), fail);
  await end;
  await campaign.resign();
}

async function observe() {
  const end = terminated();
  const observer = await client.election(name, TTL_S).observe();
  const print = (leader) => console.log(leader === undefined ? '-' : leader);
  print(observer.leader());
  observer.on('change', print);
  observer.on('error', fail);
  await end;
  await observer.cancel();
}

async function leader() {
  const now = await client.election(name, TTL_S).leader();
  console.log(now === undefined ? '-' : now);
}

async function lock() {
  const end = terminated();
  const held = await client.lock(name).ttl(TTL_S).acquire();
  console.log('held');
  await end;
  await held.release();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

const commands = { elect, observe, leader, lock };

if (!Object.hasOwn(commands, command)) {
  fail(`no command '${command}'`);
}
commands[command]().then(() => client.close(), fail);
