-- Vectors are compared exactly or found along a graph: nothing looks at their signs any more.

DROP INDEX persistmem.vectors_sketch;
ALTER TABLE persistmem.vectors DROP COLUMN sketch;
