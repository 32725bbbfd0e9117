package main

type synthCmd struct{}

func (c *synthCmd) Run() error { return nil }

type auditCmd struct{}

func (c *auditCmd) Run() error { return nil }
