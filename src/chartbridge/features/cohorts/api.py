"""Operations on cohorts."""

from __future__ import annotations

from fastapi import APIRouter

from chartbridge.http.body import JsonRoute

router = APIRouter(prefix="/medical/v1", route_class=JsonRoute, tags=["Cohorts"], strict_content_type=False)
