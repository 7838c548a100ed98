import type { DownloadedRelease, NpiActivities, Staged } from '../contract/activities.ts';
import { openReferenceStaging } from '../db/registry/reference-staging.ts';
import { mayLoadLocal } from '../db/registry/bulk-load.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { npiColumns } from '../db/schema/npi-columns.ts';
import { findPublished, monthlyHolding, noteSuperseded } from '../db/ledger/releases.ts';
import type { Session } from '../db/connection/session.ts';
import type { StagedSoFar } from '../db/schema/ledger-json.ts';
import { finishStaging, openStaging, stageBlock } from '../db/registry/staging.ts';
import { readDeactivations, reportMember } from '../nppes/report/deactivation.ts';
import { releaseName, withMemberPeriod, type Release } from '../nppes/page/release.ts';
import { readRows } from '../nppes/rows/row-stream.ts';
import { npidataMember, openZip, type Member, type OpenZip } from '../nppes/transfer/zip.ts';
import { attempt, underLeaseUnlessDry, type Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';
import { createPace } from './pace.ts';
import { loadReferences } from './references.ts';
import { secondsSince } from './elapsed.ts';
import { added, asStaged, nothingYet, reportStaged } from './staged-counts.ts';
import { ensureZip } from './zip-file.ts';

/** Reads the zip into the staging table, block by block, each with its checkpoint. */
export function stageActivity(deps: ActivityDeps): Pick<NpiActivities, 'stage'> {
  return {
    stage: ({ dryRun: isDryRun, ...zip }) =>
      attempt(deps, 'stage', { job, release: releaseName(zip.release) }, (current) =>
        underLeaseUnlessDry(deps, current, { job, isDryRun }, (lease) => stageZip(deps, current, zip, lease)),
      ),
  };
}

async function stageZip(
  deps: ActivityDeps,
  current: Attempt,
  zip: DownloadedRelease,
  lease: Lease | undefined,
): Promise<Staged> {
  const startedAt = performance.now();
  const opened = await openZip(await ensureZip(deps, current, zip));
  try {
    const { kind } = zip.release;
    const member = kind === 'deactivation' ? reportMember(opened) : npidataMember(opened);
    const release = withMemberPeriod(zip.release, member.name);
    const staged = await deps.database.session(current.signal, async (session): Promise<Staged> => {
      const file = {
        fileName: release.fileName,
        sha256: zip.sha256,
        // A dry run changes nothing in the ledger.
        ...(lease && zip.etag !== undefined && { etag: zip.etag }),
      };
      const isPublished = (await findPublished(session, file)) !== undefined;
      if (isPublished) return { ...asStaged(nothingYet(member.name)), isPublished, release };
      const heldBack = await reasonAgainst(session, release, deps.today(), lease);
      if (heldBack !== undefined)
        return { ...asStaged(nothingYet(member.name)), isPublished, heldBack, release };
      const soFar = await stageMember(deps, current, session, { member, release, lease });
      reportStaged(current, soFar, secondsSince(startedAt));
      return { ...asStaged(soFar), isPublished, release };
    });
    if (staged.isPublished || staged.heldBack !== undefined || kind === 'deactivation') return staged;
    const referenceRemarks = await stageReferenceFiles(deps, current, { opened, release, lease });
    return { ...staged, ...(referenceRemarks.length > 0 && { referenceRemarks }) };
  } finally {
    opened.close();
  }
}

function stageReferenceFiles(
  deps: ActivityDeps,
  current: Attempt,
  zip: { readonly opened: OpenZip; readonly release: Release; readonly lease: Lease | undefined },
): Promise<string[]> {
  const { runId } = current;
  const { fileName } = zip.release;
  return loadReferences(deps, current, {
    ...zip,
    phase: 'stage',
    open: (session, table) => openReferenceStaging(session, { runId, fileName, table }),
  });
}

/** Why a release must not be loaded: it may be due by the name of its zip, but not by the period of its member. */
async function reasonAgainst(
  session: Session,
  release: Release,
  today: string,
  lease: Lease | undefined,
): Promise<string | undefined> {
  // Its rows would win over every weekly that is published until that day.
  if (release.periodEnd > today)
    return `its period ends in the future, on ${release.periodEnd}, according to the file inside the zip`;
  const monthly = await monthlyHolding(session, release.periodEnd);
  if (monthly && lease) await noteSuperseded(session, lease, monthly.releaseId, [release]);
  return monthly && `${monthly.fileName} already covers its period`;
}

interface StageInput {
  readonly member: Member;
  readonly release: Release;
  readonly lease: Lease | undefined;
}

async function stageMember(
  deps: ActivityDeps,
  current: Attempt,
  session: Session,
  { member, release, lease }: StageInput,
): Promise<StagedSoFar> {
  const { runId, signal, heartbeat } = current;
  const pace = createPace(deps, current);
  const staging = await openStaging(session, runId, release.fileName);
  let soFar = staging.soFar ?? nothingYet(member.name);
  if (staging.isWhole) return soFar;
  const isLocal = await mayLoadLocal(session);
  const from = { wanted: npiColumns, rowsPerBlock: deps.rowsPerBlock, afterRow: soFar.rows };
  const blocks =
    release.kind === 'deactivation'
      ? readDeactivations({ ...from, member })
      : readRows({ ...from, member: await member.open() });
  for await (const block of blocks) {
    const withBlock = added(soFar, block);
    await pace.giveWay(session, signal);
    await stageBlock(session, staging, { ...block, soFar: withBlock }, { lease, isLocal });
    soFar = withBlock;
    heartbeat({ phase: 'stage', rows: soFar.rows, bytes: block.readBytes, totalBytes: member.sizeBytes });
  }
  await finishStaging(session, staging, soFar);
  return soFar;
}
