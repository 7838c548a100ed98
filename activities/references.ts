import { mayLoadLocal } from '../db/registry/bulk-load.ts';
import { stageReferences, type ReferenceStaging } from '../db/registry/reference-staging.ts';
import { finishStaging } from '../db/registry/staging.ts';
import type { Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import type { StagedSoFar } from '../db/schema/ledger-json.ts';
import type { ReferenceTable } from '../db/schema/reference-tables.ts';
import { filledReferences } from '../db/schema/tables.ts';
import { releaseName, type Release } from '../nppes/page/release.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { referenceMember, type Member, type OpenZip } from '../nppes/transfer/zip.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { createPace } from './pace.ts';
import { refuseTooMany } from './publish.ts';
import { added, asStaged, nothingYet, reportStaged } from './staged-counts.ts';

/** Of each block. */
const loggedRefusals = 20;

/** A zip whose reference files are loaded, and where their rows go. */
export interface ReferenceSource {
  readonly opened: OpenZip;
  readonly release: Release;
  readonly lease: Lease | undefined;
  /** The phase of the activity, for its heartbeats. */
  readonly phase: 'stage' | 'load';
  open(session: Session, table: ReferenceTable): Promise<ReferenceStaging>;
}

/**
 * Loads the reference files of a zip block by block, each with its checkpoint, if the setting is on. Returns one sentence for
 * each thing that a person should know.
 */
export async function loadReferences(
  deps: ActivityDeps,
  current: Attempt,
  source: ReferenceSource,
): Promise<string[]> {
  const remarks: string[] = [];
  for (const table of filledReferences(deps.schemas)) {
    const member = referenceMember(source.opened, table.file);
    const soFar = member && (await loadReference(deps, current, source, { table, member }));
    remarks.push(...referenceRemarks(releaseName(source.release), table, soFar));
  }
  return remarks;
}

async function loadReference(
  deps: ActivityDeps,
  current: Attempt,
  { lease, phase, open }: ReferenceSource,
  { table, member }: { readonly table: ReferenceTable; readonly member: Member },
): Promise<StagedSoFar> {
  const { signal, heartbeat, log } = current;
  const startedAt = performance.now();
  const pace = createPace(deps, current);
  return deps.database.session(signal, async (session) => {
    const staging = await open(session, table);
    let soFar = staging.soFar ?? nothingYet(member.name);
    if (staging.isWhole) return soFar;
    const isLocal = await mayLoadLocal(session);
    const from = { wanted: table.columns, rowsPerBlock: deps.rowsPerBlock, afterRow: soFar.rows };
    for await (const block of readRows({ ...from, member: await member.open() })) {
      soFar = added(soFar, block);
      // Unlike rows of providers, these are not in the quarantine.
      for (const { lineNumber, reason, column } of block.refusals.slice(0, loggedRefusals))
        log.warn('row of a reference file refused', { member: member.name, lineNumber, reason, column });
      await pace.giveWay(session, signal);
      await stageReferences(session, staging, { tsv: block.tsv, soFar }, { lease, isLocal });
      heartbeat({
        phase,
        step: table.name,
        rows: soFar.rows,
        bytes: block.readBytes,
        totalBytes: member.sizeBytes,
      });
    }
    reportStaged(current, soFar, secondsSince(startedAt));
    refuseTooMany(deps, asStaged(soFar));
    await finishStaging(session, staging, soFar);
    return soFar;
  });
}

function referenceRemarks(
  name: string,
  { file, name: table }: ReferenceTable,
  soFar?: StagedSoFar,
): string[] {
  if (soFar === undefined)
    return [`${name} has no file ${file}_pfile_….csv; ${table} keeps the rows that it has.`];
  const { member, rows, stagedRows, refused, newColumns, badUtf8Count } = soFar;
  const reasons = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return [
    ...(rows === stagedRows
      ? []
      : [`${name}: ${rows - stagedRows} of ${rows} rows of ${member} are refused (${reasons.join(', ')}).`]),
    ...(newColumns.length === 0
      ? []
      : [`${name}: ${member} has new columns that are not loaded: ${newColumns.join(', ')}.`]),
    ...(badUtf8Count === 0
      ? []
      : [`${name}: ${badUtf8Count} byte sequences of ${member} were not valid UTF-8 and became U+FFFD.`]),
  ];
}
