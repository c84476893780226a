/** The tables, version by version. A migration is never changed once released: a new version gets a new entry. */
import type Database from 'libsql';

export type Migration = string;

const VERSION_1 = `
  create table settings (name text primary key, value text not null) strict;
  create table codes (code text primary key, host_key blob not null, created_at integer not null) strict;
  create table bans (
    id integer primary key autoincrement, kind text not null, pattern text not null, label text not null,
    scope text not null, reason text not null, created_at integer not null, expires_at integer
  ) strict;
  create table audit (id integer primary key autoincrement, at integer not null, act text not null, detail text not null) strict;
  create table traversals (
    hour integer not null, client_nat text not null, host_nat text not null, family integer not null, path text not null,
    result text not null, count integer not null, elapsed_ms integer not null, attempts integer not null,
    primary key (hour, client_nat, host_nat, family, path, result)
  ) strict, without rowid;
  create table points (
    at integer primary key, hosts integer not null, joins integer not null, paths integer not null, failures integer not null
  ) strict;
  create table snapshot (host_id text primary key, json text not null) strict, without rowid;
  create table names (skeleton text primary key, host_key text not null, seen_at integer not null) strict, without rowid;
`;

/** What the webhooks have told of whom, for a day: a restart makes no old host news. */
const VERSION_2 = `
  create table told (subject text primary key, at integer not null) strict, without rowid;
`;

/** Held names by the network that they were taken from, so that a full table can take from who holds most; and by key. */
const VERSION_3 = `
  alter table names add column network text not null default '';
  create index names_of_network on names (network, seen_at);
  create index names_of_key on names (host_key, seen_at);
`;

const MIGRATIONS: readonly Migration[] = [VERSION_1, VERSION_2, VERSION_3];

/** Brings the file to the newest version, each step in a transaction of its own. A file from the future is refused. */
export function migrate(db: Database.Database, migrations: readonly Migration[] = MIGRATIONS): void {
  const row = db.prepare('pragma user_version').get() as { readonly user_version: number };
  if (row.user_version > migrations.length)
    throw new Error(
      `it was written by a newer version of sallyport (schema ${row.user_version}, known ${migrations.length})`,
    );
  for (let version = row.user_version; version < migrations.length; version += 1) {
    try {
      db.exec(`begin; ${migrations[version]}; pragma user_version = ${version + 1}; commit`);
    } catch (error) {
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }
}
