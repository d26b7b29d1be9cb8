"""How memory is watched over: the audit and the diagnosis; each as ``x`` and as ``ax``."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime

from langchain_persistmem.client.base import Hall
from langchain_persistmem.operations import doctor
from langchain_persistmem.privacy import audit as audit_flow
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import AuditCheck, AuditEntry, Finding


class Overseeing(Hall):
    """The methods of :class:`PersistMem` for whoever answers for it."""

    def audit(
        self,
        *,
        after: int | None = None,
        since: datetime | None = None,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[AuditEntry]:
        """Who did what to which memories when, oldest first, without content: the latest entries, or a page.

        Args:
            after: the page that follows the entry of this number; 0 for the first page.
            since: only entries of this moment or later.
            limit: at most this many, up to 10,000.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        whose = self.whose(user_id, namespace)
        return self._backend.run(audit_flow.audit, whose, after=after, since=since, limit=limit)

    async def aaudit(
        self,
        *,
        after: int | None = None,
        since: datetime | None = None,
        limit: int = 100,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[AuditEntry]:
        """:meth:`audit`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(audit_flow.audit, whose, after=after, since=since, limit=limit)

    def verify_audit(
        self, *, head: str | None = None, user_id: str | None = None, namespace: Namespace | None = None
    ) -> AuditCheck:
        """Go through the audit's chain and name every place where something was changed, removed or put in.

        Args:
            head: :attr:`AuditCheck.head` of an earlier check that was kept elsewhere. With it, even somebody
                who may write everything in the database cannot have changed what is before it.

        Raises:
            InvalidInputError: ``head`` is none.
        """
        return self._backend.run(audit_flow.verify_audit, self.whose(user_id, namespace), head=head)

    async def averify_audit(
        self, *, head: str | None = None, user_id: str | None = None, namespace: Namespace | None = None
    ) -> AuditCheck:
        """:meth:`verify_audit`, awaited."""
        return await self._backend.arun(audit_flow.verify_audit, self.whose(user_id, namespace), head=head)

    def diagnose(self) -> builtins.list[Finding]:
        """What is wrong with this database, why it matters and what to do; content is not looked at, nothing is changed.

        It works before :meth:`setup`, on a replica, and with few rights: what cannot be seen is a finding too.

        Raises:
            StorageUnavailableError: the server does not answer.
        """
        return self._backend.run(doctor.diagnose, now=datetime.now(UTC))

    async def adiagnose(self) -> builtins.list[Finding]:
        """:meth:`diagnose`, awaited."""
        return await self._backend.arun(doctor.diagnose, now=datetime.now(UTC))
