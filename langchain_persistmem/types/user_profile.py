"""The structured document about a user: the default class, which an application may replace by its own."""

from pydantic import BaseModel, ConfigDict, Field


class Profile(BaseModel):
    """The facts about a user that an assistant should always have. Further fields may be added freely."""

    model_config = ConfigDict(extra="allow")

    name: str | None = Field(default=None, description="How the user wants to be called.")
    preferences: list[str] = Field(default_factory=list, description="What the user likes and avoids.")
    goals: list[str] = Field(default_factory=list, description="What the user wants to achieve.")
    past_mistakes: list[str] = Field(default_factory=list, description="What went wrong before and should not again.")
    communication_style: str | None = Field(default=None, description="How to speak with the user.")
    summary: str | None = Field(default=None, description="The user in a few sentences.")
