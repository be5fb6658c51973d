// The process that becomes a ClickHouse server: it calls clickhouse-local out of libchdb, which listens and blocks until its stdin closes. A
// process of its own, because the call blocks for ever and one process can hold one data folder. Arguments: clickhouse-local's, after argv[0].

import { DataType, load, open } from 'ffi-rs'
import { clickHouseLibraryPath } from './clickhouse-library.ts'

const argv = ['clickhouse', ...process.argv.slice(2)]
open({ library: 'chdb', path: clickHouseLibraryPath() })
load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
})
