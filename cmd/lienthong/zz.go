package main

type synthCmd struct{}

func (c *synthCmd) Run() error { return nil }

type auditCmd struct{}

func (c *auditCmd) Run() error { return nil }

type benchCmd struct{}

func (c *benchCmd) Run() error { return nil }
