import { longestHoldMs as allowedHoldMs } from '../db/cases/batch-size.ts';
import { moveSelected } from '../db/cases/move.ts';
import { freezeStatus } from '../db/cases/selection.ts';
import { connect, type Database } from '../db/connection/pool.ts';
import { takeLease } from '../db/ledger/lease.ts';
import { createCases } from '../db/cases/sample-cases.ts';
import type { Session, StatementReport } from '../db/connection/session.ts';
import { forever, openBed, type Bed } from './bed.ts';
import type { BenchOptions } from './options.ts';
import { startPerson, type PersonWaits } from './person.ts';
import { say } from './table.ts';

const cases = 'allstars.cases';
const schemas = {
  application: 'allstars',
  search: 'search_surgeon_facility',
  scheduler: 'surgicase_scheduler',
};

interface Measured {
  readonly name: string;
  readonly moved: number;
  readonly seconds: number;
  /** The longest time that locks on cases were held. */
  readonly longestHoldMs: number;
  readonly person: PersonWaits;
}

/**
 * Measures case updates with their ledger against the way of the existing application (a SELECT and an UPDATE for each
 * case, in one transaction) and against the limit, one bare UPDATE. Meanwhile a person updates one case every 5 ms. With
 * `--json`, prints one line for each size.
 */
export async function caseUpdates({ rows: asked, binlog, json }: BenchOptions): Promise<void> {
  const bed = await openBed({ binlog });
  try {
    const sizes = [
      { rows: 100_000, percent: 100 },
      { rows: 1_000_000, percent: 100 },
      { rows: 1_000_000, percent: 5 },
    ];
    const wanted = asked === undefined ? sizes : [100, 5].map((percent) => ({ rows: asked, percent }));
    for (const { rows, percent } of wanted) {
      await fill(bed, rows, percent);
      const ways = [
        await measure(bed, 'one bare UPDATE', bareUpdate, { isOneTransaction: true }),
        await measure(bed, 'case update', caseUpdate, { isOneTransaction: false }),
        await measure(bed, 'case by case (existing)', caseByCase, { isOneTransaction: true }),
      ];
      if (json) say(JSON.stringify({ rows, percent, ways }));
      else print(rows, percent, ways);
    }
  } finally {
    await bed.close();
  }
}

const restore = (
  percent: number,
) => `UPDATE ${cases} SET case_status = IF(human_case_id % 100 < ${percent}, 10, 0),
  pending_payment_ts = NULL WHERE NOT case_status <=> IF(human_case_id % 100 < ${percent}, 10, 0)`;
let currentPercent = 100;
/** What a person's update may take while cases move. */
const allowedP99Ms = 25;

/** Creates `rows` cases of about 1.5 kB, `percent` of them due, without an index on the status. */
async function fill({ database }: Bed, rows: number, percent: number): Promise<void> {
  currentPercent = percent;
  await database.session(forever, async (session) => {
    await session.query(`DROP TABLE IF EXISTS ${cases}`);
    await createCases(session, schemas.application);
    await session.query(`ALTER TABLE ${cases} ADD notes VARCHAR(1400) NULL`);
    await session.query('SET SESSION cte_max_recursion_depth = 100000000');
    await session.query(
      `INSERT INTO ${cases} (case_id, user_id, case_date, patient_last, notes, case_status, human_case_id)
       WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
       SELECT LEFT(SHA2(n, 256), 36) AS id, CONCAT('user-', n % 500), '2026-01-01', 'GENERATED', REPEAT(SHA2(n, 256), 21),
         IF(n % 100 < ?, 10, 0), n FROM numbers ORDER BY id`,
      [rows, percent],
    );
  });
}

async function measure(
  bed: Bed,
  name: string,
  work: (database: Database) => Promise<number>,
  { isOneTransaction }: { readonly isOneTransaction: boolean },
): Promise<Measured> {
  await bed.database.session(forever, (session) => session.query(restore(currentPercent)));
  const hold = longestHold();
  const database = connect(bed.databaseOptions, { onStatement: hold.onStatement });
  const person = await startPerson(bed.databaseOptions, cases);
  try {
    const startedMs = performance.now();
    const moved = await work(database);
    const seconds = (performance.now() - startedMs) / 1000;
    const longestHoldMs = isOneTransaction ? seconds * 1000 : hold.ms();
    return { name, moved, seconds, longestHoldMs, person: await person.stop() };
  } finally {
    await database.close();
  }
}

/** An upper bound: the longest statement that locks cases plus the longest commit, possibly of different transactions. */
function longestHold() {
  let [movingMs, commitMs] = [0, 0];
  return {
    onStatement({ sql, ms }: StatementReport) {
      if (sql === 'moving cases') movingMs = Math.max(movingMs, ms);
      if (sql === 'COMMIT') commitMs = Math.max(commitMs, ms);
    },
    ms: () => movingMs + commitMs,
  };
}

const inSession = (work: (session: Session) => Promise<number>) => (database: Database) =>
  database.session(forever, work);

const bareUpdate = inSession((session) =>
  session.transaction(async () => {
    const { affectedRows } = await session.run(
      `UPDATE ${cases} SET case_status = 15, pending_payment_ts = NOW() WHERE active = 1 AND case_status = 10`,
      [],
      'moving cases',
    );
    return affectedRows;
  }),
);

let runCount = 0;

async function caseUpdate(database: Database): Promise<number> {
  const runId = `00000000-0000-0000-0000-${String((runCount += 1)).padStart(12, '0')}`;
  const lease = await database.session(forever, async (session) => {
    const taken = await takeLease(session, { job: 'pending-payment-update', workflowId: 'bench', runId });
    if ('heldBy' in taken) throw new Error(`The lease is held by ${taken.heldBy}.`);
    const leave = { jobs: ['paid-update'], since: new Date().toISOString() };
    const selection = { runId, source: 10, target: 15, isForced: false, leave };
    await freezeStatus(session, schemas, selection, taken);
    return taken;
  });
  const input = { runId, lease, onProgress: () => undefined };
  const { moved } = await moveSelected(database, schemas, input, forever);
  await database.session(forever, (session) =>
    session.query('UPDATE lease SET run_id = NULL, expires_at = NULL'),
  );
  return moved;
}

// The rate does not depend on the number of cases.
const mostCaseByCase = 50_000;

const caseByCase = inSession(async (session) => {
  const due = await session.query<{ id: string }>(
    `SELECT case_id AS id FROM ${cases} WHERE active = 1 AND case_status = 10 LIMIT ${mostCaseByCase}`,
  );
  return session.transaction(async () => {
    for (const { id } of due) {
      await session.query(`SELECT case_status FROM ${cases} WHERE case_id = ? AND active = 1`, [id]);
      await session.run(
        `UPDATE ${cases} SET case_status = 15, pending_payment_ts = NOW() WHERE case_id = ?`,
        [id],
      );
    }
    return due.length;
  });
});

function print(rows: number, percent: number, ways: readonly Measured[]): void {
  const rate = ({ moved, seconds }: Measured) => moved / seconds;
  const limit = ways[0];
  const verdict = ({ longestHoldMs, person }: Measured) =>
    longestHoldMs <= allowedHoldMs && person.p99Ms <= allowedP99Ms ? 'good' : 'BAD';
  say(`\n${rows.toLocaleString('en-US')} cases of 1.5 kB, ${percent} % due`);
  say(line('', 'cases', 'seconds', 'cases/s', 'of limit', 'hold ms', 'person p99 ms', 'max ms', 'verdict'));
  say(line('allowed', '', '', '', '', String(allowedHoldMs), String(allowedP99Ms)));
  for (const way of ways) {
    say(
      line(
        way.name,
        way.moved.toLocaleString('en-US'),
        way.seconds.toFixed(2),
        Math.round(rate(way)).toLocaleString('en-US'),
        limit ? (rate(way) / rate(limit)).toFixed(2) : '',
        way.longestHoldMs.toFixed(0),
        way.person.p99Ms.toFixed(0),
        way.person.mostMs.toFixed(0),
        verdict(way),
      ),
    );
  }
}

function line(name: string, ...cells: readonly string[]): string {
  return name.padEnd(26) + cells.map((cell) => cell.padStart(14)).join('');
}
