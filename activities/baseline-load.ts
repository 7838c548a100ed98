import type { BaselineLoaded, DownloadedRelease } from '../contract/activities.ts';
import { mayLoadLocal } from '../db/registry/bulk-load.ts';
import { hasProviders, laterThan } from '../db/baseline/carry-over.ts';
import { beginsHistory } from '../db/registry/history.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { ownColumns } from '../db/schema/own-columns.ts';
import { findPublished, nextReleaseId } from '../db/ledger/releases.ts';
import { openReferenceShadow } from '../db/baseline/references.ts';
import { loadedRanges, noteRefusals, type RangeTarget } from '../db/baseline/range.ts';
import { markShadow, openShadow, type Shadow, type ShadowState } from '../db/baseline/shadow.ts';
import { liveTables } from '../db/schema/tables.ts';
import { splitBytes } from '../spool/estimate.ts';
import { openLetterFile } from '../spool/letter-file.ts';
import { rangeCountOf } from '../spool/npi-ranges.ts';
import { openRangeWriter, readSplit, type Split } from '../spool/range-files.ts';
import { withMemberPeriod, type Release } from '../nppes/page/release.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { npidataMember, openZip, type Member, type OpenZip } from '../nppes/transfer/zip.ts';
import { ensureSpace } from '../nppes/transfer/disk-space.ts';
import type { Attempt } from './attempt.ts';
import { loadLetters } from './baseline-letters.ts';
import { loadEachRange } from './baseline-ranges.ts';
import type { ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { createPace } from './pace.ts';
import { refuseTooMany } from './publish.ts';
import { loadReferences } from './references.ts';
import { added, asStaged, nothingYet, reportStaged } from './staged-counts.ts';
import { ensureZip, rangeFolder } from './zip-file.ts';

/** Splits a monthly into ranges of NPIs on disk, sorts each range, and loads it into the shadow tables. */
export async function loadMonthly(
  deps: ActivityDeps,
  current: Attempt,
  zip: DownloadedRelease,
  lease: Lease,
): Promise<BaselineLoaded> {
  const opened = await openZip(await ensureZip(deps, current, zip));
  try {
    const member = npidataMember(opened);
    const release = withMemberPeriod(zip.release, member.name);
    const { signal } = current;
    const file = {
      fileName: release.fileName,
      sha256: zip.sha256,
      ...(zip.etag !== undefined && { etag: zip.etag }),
    };
    const published = zip.rebuild
      ? undefined
      : await deps.database.session(signal, (session) => findPublished(session, file));
    if (published) {
      return { ...asStaged(nothingYet(member.name)), isPublished: true, release, searchSeconds: {} };
    }
    const opening = await deps.database.session(signal, async (session) => {
      const releaseId = await nextReleaseId(session, 'monthly', release.periodEnd);
      const rangeCount = rangeCountOf(member.sizeBytes);
      return openShadow(session, deps.schemas, lease, { fileName: release.fileName, releaseId, rangeCount });
    });
    const work = { deps, current, zip, lease, member, ...opening };
    const { staged, searchSeconds } = await loadRanges(work);
    const referenceRemarks = await loadReferenceShadows(work, opened, release);
    return {
      ...asStaged(staged),
      isPublished: false,
      release,
      searchSeconds,
      ...(referenceRemarks.length > 0 && { referenceRemarks }),
    };
  } finally {
    opened.close();
  }
}

function loadReferenceShadows(
  { deps, current, lease, shadow, state }: MonthlyWork,
  opened: OpenZip,
  release: Release,
): Promise<string[]> {
  const { releaseId } = state;
  const scope = { schemas: deps.schemas, shadow, lease, releaseId, fileName: release.fileName };
  return loadReferences(deps, current, {
    opened,
    release,
    lease,
    phase: 'load',
    open: (session, table) => openReferenceShadow(session, scope, table),
  });
}

interface MonthlyWork {
  readonly deps: ActivityDeps;
  readonly current: Attempt;
  readonly zip: DownloadedRelease;
  readonly lease: Lease;
  readonly member: Member;
  readonly shadow: Shadow;
  readonly state: ShadowState;
}

type Recorded = NonNullable<ShadowState['staged']>;

async function loadRanges(
  work: MonthlyWork,
): Promise<{ readonly staged: Recorded; readonly searchSeconds: BaselineLoaded['searchSeconds'] }> {
  const { deps, current, zip, lease, member, shadow, state } = work;
  const loaded = await deps.database.session(current.signal, (session) => loadedRanges(session, lease.runId));
  const folder = rangeFolder(deps, zip, lease.runId);
  const known = await readSplit(folder, state.rangeCount);
  const isSplit = known !== undefined && state.staged !== undefined;
  const { split, staged } = isSplit
    ? { split: known, staged: state.staged }
    : await splitMember(work, folder);
  const pace = createPace(deps, current);
  const target = await deps.database.session(current.signal, async (session): Promise<RangeTarget> => ({
    schemas: deps.schemas,
    shadow,
    lease,
    releaseId: state.releaseId,
    isLocal: await mayLoadLocal(session),
    hasProviders: await hasProviders(session, liveTables(deps.schemas)),
    later: await laterThan(session, state.releaseId),
    beginsHistory: await beginsHistory(session, state.releaseId),
    isRebuild: zip.rebuild === true,
    ownColumns: await ownColumns(session, deps.schemas),
  }));
  const letters = await openLetterFile(split.folder, lease.epoch);
  try {
    const memberBytes = member.sizeBytes;
    await loadEachRange(deps, current, { split, letters, loaded, target, pace, memberBytes });
    return { staged, searchSeconds: await loadLetters(deps, current, { letters, target, pace }) };
  } finally {
    await letters.close();
  }
}

/** The first of two passes over the rows. It holds one block in memory, whatever the size of the member. */
async function splitMember(
  { deps, current, lease, member, shadow, state }: MonthlyWork,
  folder: string,
): Promise<{ readonly split: Split; readonly staged: Recorded }> {
  const startedAt = performance.now();
  await ensureSpace(folder, splitBytes(member.sizeBytes));
  const writer = await openRangeWriter(folder, state.rangeCount, lease.epoch);
  let soFar = nothingYet(member.name);
  try {
    const blocks = readRows({
      member: await member.open(),
      wanted: npiColumns,
      rowsPerBlock: deps.rowsPerBlock,
      afterRow: 0,
    });
    for await (const block of blocks) {
      current.signal.throwIfAborted();
      await writer.add(block);
      const { refusals } = block;
      if (refusals.length > 0) {
        await deps.database.session(current.signal, (session) =>
          noteRefusals(session, shadow, lease, refusals),
        );
      }
      soFar = added(soFar, block);
      const bytes = { bytes: block.readBytes, totalBytes: member.sizeBytes };
      current.heartbeat({ phase: 'load', step: 'splitting into ranges', rows: soFar.rows, ...bytes });
    }
    const split = await writer.finish();
    reportStaged(current, soFar, secondsSince(startedAt));
    refuseTooMany(deps, asStaged(soFar));
    await deps.database.session(current.signal, (session) => markShadow(session, lease, { staged: soFar }));
    return { split, staged: soFar };
  } finally {
    await writer.close();
  }
}
