import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Login } from '../db/connection/credentials.ts';
import type { Session } from '../db/connection/session.ts';
import { forever, type Bed } from './bed.ts';

/** One search of the application; `npi` is the provider that it should find. */
export interface Question {
  readonly sql: string;
  readonly npi: string;
}

/** The task of the thread. */
export interface SearchOrder {
  readonly login: Login & { readonly host: string; readonly port: number };
  readonly questions: readonly Question[];
  readonly perSecond: number;
  readonly connectionCount: number;
}

/** What a search found: the name of the provider, if it was among the rows. */
export interface Answer {
  readonly question: number;
  /** Milliseconds since the search was due. */
  readonly ms: number;
  readonly name?: string | undefined;
  /** Number or text of the error. */
  readonly error?: string;
}

/** What people who search notice of an operation. */
export interface Searched {
  readonly seconds: number;
  readonly searches: number;
  readonly errors: number;
  /** Answers that match neither the state before the operation nor the state after it. */
  readonly wrong: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

const perSecond = 200;
const connectionCount = 8;
const providersPerKind = 500;
const search = 'search_surgeon_facility';

/** Runs `work` while people search at a fixed rate, and checks their answers. */
export async function searchDuring(bed: Bed, work: () => Promise<unknown>): Promise<Searched> {
  const questions = await bed.database.session(forever, chooseQuestions);
  const before = await answersNow(bed, questions);
  const { host, port, credentials } = bed.databaseOptions;
  const login = { ...(await credentials.login()), host, port };
  const workerData: SearchOrder = { login, questions, perSecond, connectionCount };
  const thread = new Worker(new URL('search-thread.js', import.meta.url), { workerData });
  await once(thread, 'message');
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const reported = once(thread, 'message') as Promise<[readonly Answer[]]>;
  thread.postMessage('stop');
  const [answers] = await reported;
  return { seconds, ...judged(answers, before, await answersNow(bed, questions)) };
}

function judged(
  answers: readonly Answer[],
  before: readonly (string | undefined)[],
  after: readonly (string | undefined)[],
): Omit<Searched, 'seconds'> {
  const ms = answers.map((answer) => answer.ms).sort((one, other) => one - other);
  const isRight = ({ question, name }: Answer) => name === before[question] || name === after[question];
  return {
    searches: answers.length,
    errors: answers.filter(({ error }) => error !== undefined).length,
    wrong: answers.filter((answer) => answer.error === undefined && !isRight(answer)).length,
    p50Ms: ms[Math.floor(ms.length * 0.5)] ?? 0,
    p99Ms: ms[Math.floor(ms.length * 0.99)] ?? 0,
    mostMs: ms.at(-1) ?? 0,
  };
}

/** Asks each question once. The answers change for providers whose rows the operation changes or removes. */
function answersNow(bed: Bed, questions: readonly Question[]): Promise<(string | undefined)[]> {
  return bed.database.session(forever, async (session) => {
    const names: (string | undefined)[] = [];
    for (const { sql, npi } of questions) {
      const rows = await session.query<{ npi: number; name: string }>(sql);
      names.push(rows.find((row) => String(row.npi) === npi)?.name);
    }
    return names;
  });
}

interface Listed {
  readonly npi: number;
  readonly name: string;
}

/** The four kinds of search in turn, for existing providers from all parts of the tables. */
async function chooseQuestions(session: Session): Promise<Question[]> {
  const surgeons = await somewhere(session, 'search_surgeon_all', 'last_name');
  const facilities = await somewhere(session, 'search_facility_all', 'facility_name');
  return surgeons.flatMap((surgeon, i) => {
    const facility = facilities[i % facilities.length] ?? surgeon;
    const npi = String(surgeon.npi);
    return [
      { npi, sql: `SELECT npi, last_name AS name FROM ${search}.search_surgeon_all WHERE npi = ${npi}` },
      { npi, sql: `SELECT npi, provider_last_name AS name FROM allstars.npi_data_1 WHERE npi = ${npi}` },
      {
        npi,
        sql: `SELECT npi, first_name, last_name AS name, address, city, state, zip
          FROM ${search}.search_surgeon_${letterOf(surgeon)} WHERE last_name LIKE '${surgeon.name}%'`,
      },
      {
        npi: String(facility.npi),
        sql: `SELECT npi, facility_name AS name, address, city, state, zip FROM ${search}.search_facility_${letterOf(facility)}
          WHERE facility_name LIKE '${facility.name}%' ORDER BY state, city, facility_name`,
      },
    ];
  });
}

async function somewhere(session: Session, table: string, name: string): Promise<Listed[]> {
  const [{ least, most } = { least: 0, most: 0 }] = await session.query<{ least: number; most: number }>(
    `SELECT MIN(npi) AS least, MAX(npi) AS most FROM ${search}.${table}`,
  );
  const listed: Listed[] = [];
  for (let i = 0; i < providersPerKind; i++) {
    const from = least + Math.floor(((most - least) * i) / providersPerKind);
    listed.push(
      ...(await session.query<Listed>(
        `SELECT npi, ${name} AS name FROM ${search}.${table} WHERE npi >= ${from} AND ${name} REGEXP '^[A-Z, .]+$'
         ORDER BY npi LIMIT 1`,
      )),
    );
  }
  return listed;
}

const letterOf = ({ name }: Listed) => name.charAt(0).toLowerCase();
