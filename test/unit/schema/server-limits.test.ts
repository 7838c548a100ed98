import { expect, it } from 'vitest';
import { binlogFaults, serverFaults } from '../../../db/schema/server-limits.ts';

const small = String(1 << 20);

it.each([
  ['max_binlog_cache_size', { log_bin: 'ON' }, { log_bin: 'OFF' }],
  ['group_replication_transaction_size_limit', { group_replication_group_name: 'a' }, {}],
  ['wsrep_max_ws_size', { wsrep_on: 'ON' }, { wsrep_on: 'OFF' }],
])('names a small %s where it applies', (name, used, unused) => {
  expect(binlogFaults({ ...used, [name]: small })).toMatchObject([
    {
      text: expect.stringMatching(`^${name} is 1048576`),
      fix: expect.stringContaining(`SET GLOBAL ${name}`),
    },
  ]);
  expect(binlogFaults({ ...unused, [name]: small })).toEqual([]);
  expect(binlogFaults({ ...used, [name]: '150000000' })).toEqual([]);
});

it('names capitals in a schema where the server writes names in lower case', () => {
  const schemas = { application: 'AllStars', search: 'search', scheduler: 'own' };
  expect(serverFaults({ lower_case_table_names: '1' }, schemas)).toMatchObject([
    { text: expect.stringContaining('AllStars'), fix: expect.stringContaining('lower case') },
  ]);
  expect(serverFaults({ lower_case_table_names: '0' }, schemas)).toEqual([]);
});
