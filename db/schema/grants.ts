import { filledReferences, liveReference, type Schemas } from './tables.ts';

/** Privileges on one table, or on every table of a schema (`schema.*`). */
export interface Right {
  readonly privileges: readonly string[];
  readonly place: string;
}

/** The GRANT statements of this service's login, by what they are for. Each purpose needs also those before it. */
export interface Grants {
  /** Weeklies, deactivation reports and case updates. */
  readonly everyJob: readonly string[];
  /** A monthly, which renames its tables to the names of the live ones. */
  readonly monthly: readonly string[];
  /** `db adopt`; may be revoked afterwards. */
  readonly adoption: readonly string[];
}

/**
 * The least rights with which the jobs run (docs/operations.md explains them, and test/integration/schema/rights.test.ts runs
 * with them).
 */
export function neededRights(schemas: Schemas): Readonly<Record<keyof Grants, readonly Right[]>> {
  const { application, search, scheduler } = schemas;
  const references = filledReferences(schemas).map((table) => liveReference(schemas, table));
  const right = (privileges: string, place: string) => ({ privileges: privileges.split(', '), place });
  const providers = [0, 1, 2].map((type) => `${application}.npi_data_${type}`);
  return {
    everyJob: [
      right('SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE VIEW, DROP', `${scheduler}.*`),
      ...providers.map((table) => right('SELECT, INSERT, UPDATE, DELETE', table)),
      ...references.map((table) => right('SELECT, INSERT, DELETE', table)),
      right('SELECT, UPDATE', `${application}.cases`),
      right('SELECT, INSERT', `${application}.npi_update_log`),
      right('INSERT', `${application}.npi_search_table_log`),
      right('SELECT, INSERT, UPDATE, DELETE', `${search}.*`),
    ],
    monthly: [
      right('ALTER', `${scheduler}.*`),
      ...[...providers, ...references].map((table) => right('CREATE, ALTER, DROP', table)),
      right('CREATE, ALTER, DROP', `${search}.*`),
    ],
    adoption: [
      right('LOCK TABLES', `${scheduler}.*`),
      right('LOCK TABLES, TRIGGER', `${application}.*`),
      right('LOCK TABLES, TRIGGER', `${search}.*`),
      right('ALTER, CREATE, INSERT', `${application}.cases`),
      right('SELECT', 'performance_schema.table_io_waits_summary_by_table'),
    ],
  };
}

/** `account` is written as MySQL writes it: `'user'@'host'`. */
export function grants(schemas: Schemas, account: string): Grants {
  const { everyJob, monthly, adoption } = neededRights(schemas);
  const all = (rights: readonly Right[]) => rights.map((right) => grant(right, account));
  return { everyJob: all(everyJob), monthly: all(monthly), adoption: all(adoption) };
}

/** The statement that gives a right to an account. */
export const grant = ({ privileges, place }: Right, account: string): string =>
  `GRANT ${privileges.join(', ')} ON ${place} TO ${account};`;
