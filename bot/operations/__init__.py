"""Operations: everything that changes a system is planned, approved, executed once and verified."""
