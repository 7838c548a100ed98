import type { Pipeline } from '../bed/pipeline.ts';
import { casesOf, writeCases } from './cases.ts';

/**
 * Seven cases whose columns contain markers: the first six have status 10, and the last one 15. The application refuses to move
 * the fourth (a trigger, whose message quotes the patient), the fifth (a unique key, whose message quotes the patient) and
 * every case that would be paid.
 */
export async function openCasesWith(
  pipeline: Pipeline,
  { patient, id }: { readonly patient: string; readonly id: string },
): Promise<void> {
  const rows = [...casesOf(10, 6), ...casesOf(15, 1, 7)];
  await writeCases(
    pipeline,
    rows.map((row, index) => ({ ...row, id: `${id}-${index + 1}` })),
  );
  const cases = `${pipeline.app}.cases`;
  await pipeline.query(`UPDATE ${cases} SET user_id = '${patient}-user', case_date = '1913-05-07',
    patient_first = '${patient}-first', patient_last = CONCAT('${patient}-last-', case_id), ins_provider = '${patient}-insurer',
    pay_amount = 91919191.91, human_case_id = 7171717 + human_case_id * 10000000`);
  await pipeline.query(
    `UPDATE ${cases} SET patient_last = '${patient}-twins' WHERE case_id IN ('${id}-5', '${id}-7')`,
  );
  await pipeline.query(`ALTER TABLE ${cases} ADD UNIQUE KEY twins (patient_last, case_status)`);
  await pipeline.query(`CREATE TRIGGER ${pipeline.app}.refuse BEFORE UPDATE ON ${cases} FOR EACH ROW
    BEGIN IF NEW.case_id = '${id}-4' OR NEW.case_status = 20
      THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${patient} refuses'; END IF; END`);
}
